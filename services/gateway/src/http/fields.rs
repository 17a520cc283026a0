//! Fields that several bodies of the control plane have.

use crate::domain::scopes::is_known;
use chrono::{DateTime, Utc};
use platform::document::{Object, integer, list, object, text, time};
use serde_json::{Value, json};
use std::borrow::Cow;
use url::Url;

type Message = Cow<'static, str>;

/// The largest `rateLimitOverride`, per minute.
const MAX_OVERRIDE: i64 = 1_000_000;
const MAX_URL: usize = 2_048;
const MAX_METADATA: usize = 16_384;
pub const MAX_SCOPES: usize = 100;

/// A name of 1 to 255 characters that is not blank.
pub fn name(value: &Value) -> Result<&str, Message> {
    let name = text(1..=255)(value)?;
    if name.trim().is_empty() { Err("must not be blank".into()) } else { Ok(name) }
}

/// An absolute `http` or `https` URL without user information.
pub fn web_url(value: &Value) -> Result<&str, Message> {
    let given = text(1..=MAX_URL)(value)?;
    let url = Url::parse(given).or(Err("must be an absolute URL"))?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    if is_web && url.username().is_empty() && url.password().is_none() {
        Ok(given)
    } else {
        Err("must be an http or https URL without user information".into())
    }
}

/// An absolute URI without a fragment (RFC 6749 §3.1.2), of no scheme that a browser would run.
pub fn redirect_uri(value: &Value) -> Result<String, Message> {
    let given = text(1..=MAX_URL)(value)?;
    let url = Url::parse(given).or(Err("must be an absolute URI"))?;
    if url.fragment().is_some() {
        return Err("must not have a fragment".into());
    }
    if matches!(url.scheme(), "javascript" | "data" | "vbscript" | "file" | "blob" | "about") {
        return Err("has a scheme that is not allowed".into());
    }
    Ok(given.to_owned())
}

/// A scope of any surface.
pub fn known_scope(value: &Value) -> Result<String, Message> {
    let scope = text(1..=128)(value)?;
    if is_known(scope) { Ok(scope.to_owned()) } else { Err("is not a scope of this platform".into()) }
}

/// Scopes, each once, in the order in which they were given.
pub fn scopes<'d>(
    parse: impl Fn(&'d Value) -> Result<String, Message>,
    least: usize,
) -> impl Fn(&'d Value) -> Result<Vec<String>, Message> {
    move |value| {
        let mut distinct = Vec::new();
        for scope in list(least..=MAX_SCOPES, &parse)(value)? {
            if !distinct.contains(&scope) {
                distinct.push(scope);
            }
        }
        Ok(distinct)
    }
}

/// Texts of a length.
pub fn texts(count: usize, length: usize) -> impl for<'d> Fn(&'d Value) -> Result<Vec<String>, Message> {
    move |value| list(0..=count, |item| text(1..=length)(item).map(str::to_owned))(value)
}

/// Merges a patch into a document (RFC 7396 §2).
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.remove(name);
            } else {
                merge(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

/// `metadata`: an object of at most 16 KiB.
pub fn metadata(root: &Object<'_, '_>) -> Option<Value> {
    root.nullable("metadata", |value| {
        let map = object(value)?;
        if value.to_string().len() > MAX_METADATA {
            return Err(format!("must be at most {MAX_METADATA} bytes").into());
        }
        Ok(Value::Object(map.clone()))
    })
}

/// `expiresAt`: a time that has not come.
pub fn expires_at(root: &Object<'_, '_>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    root.nullable("expiresAt", |value| {
        let at = time(value)?;
        if at > now { Ok(at) } else { Err("must lie in the future".into()) }
    })
}

/// `rateLimitOverride`: requests per minute.
pub fn rate_limit_override(root: &Object<'_, '_>) -> Option<i64> {
    root.nullable("rateLimitOverride", integer(1..=MAX_OVERRIDE))
}

/// A word of a closed list.
pub fn word<T>(
    words: &'static [&'static str],
    parse: impl Fn(&str) -> Option<T>,
) -> impl Fn(&Value) -> Result<T, Message> {
    move |value| {
        let word = value.as_str().and_then(&parse);
        word.ok_or_else(|| format!("must be one of {}", words.join(", ")).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_7396_are_merged_as_it_says() {
        for (mut target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            merge(&mut target, &patch);
            assert_eq!(target, result);
        }
    }
}
