//! Fields and parameters that the bodies of several families have.

use crate::domain::delivery::DeliveryState;
use crate::domain::filter::{self, EventFilter};
use crate::usecases::recover::Wish;
use contracts::webhook::DeadLetterReason;
use platform::Violation;
use platform::document::{Object, Violations, integer, list, object, text, time};
use platform_http::outbound::RefusedUrl;
use serde_json::Value;
use std::borrow::Cow;
use std::time::Duration;
use url::Url;

type Message = Cow<'static, str>;

const MAX_URL: usize = 2_048;
const MAX_FILTERS: usize = 100;
const MAX_TYPE: usize = 255;
/// Requests per second.
const MAX_RATE: i64 = 1_000;
const MAX_METADATA: usize = 16_384;
const DEFAULT_OVERLAP: i64 = 86_400;
/// Seven days, in seconds.
const MAX_OVERLAP: i64 = 604_800;

/// What a change says of a field that may be absent.
#[derive(Clone, Debug)]
pub enum Patch<T> {
    Keep,
    To(Option<T>),
}

impl<T: Clone> Patch<T> {
    /// Reads a field: left out it stays, `null` clears it. One that is broken is noted.
    pub fn read<'d>(
        root: &Object<'d, '_>,
        name: &str,
        parse: impl FnOnce(&'d Value) -> Result<Option<T>, Message>,
    ) -> Self {
        root.optional(name, parse).map_or(Self::Keep, Self::To)
    }

    pub fn apply(&self, field: &mut Option<T>) {
        if let Self::To(value) = self {
            field.clone_from(value);
        }
    }
}

/// A URL that `check` lets through.
pub fn url(check: impl Fn(&Url) -> Result<(), RefusedUrl>) -> impl Fn(&Value) -> Result<Url, Message> {
    move |value| {
        let url = text(1..=MAX_URL)(value)?;
        let url = Url::parse(url).map_err(|error| Cow::from(format!("must be a URL: {error}")))?;
        check(&url).map_err(|refused| refused.to_string())?;
        Ok(url)
    }
}

/// 1 to 100 event filters, each once.
pub fn events(value: &Value) -> Result<Vec<String>, Message> {
    let mut distinct = Vec::new();
    for filter in list(1..=MAX_FILTERS, read_filter)(value)? {
        if !distinct.contains(&filter) {
            distinct.push(filter);
        }
    }
    Ok(distinct)
}

fn read_filter(value: &Value) -> Result<String, Message> {
    let filter = text(1..=filter::MAX_LENGTH)(value)?;
    if EventFilter::parse(filter).is_none() {
        return Err("must be an event type such as lead.created, a prefix such as lead.*, or *".into());
    }
    Ok(filter.to_owned())
}

/// Requests per second; `null` for as many as there are.
pub fn rate_limit(value: &Value) -> Result<Option<i32>, Message> {
    if value.is_null() {
        return Ok(None);
    }
    integer(1..=MAX_RATE)(value).map(|rate| i32::try_from(rate).ok())
}

/// An object of at most 16 KiB; `null` for none.
pub fn metadata(value: &Value) -> Result<Option<Value>, Message> {
    if value.is_null() {
        return Ok(None);
    }
    let map = object(value)?;
    if value.to_string().len() > MAX_METADATA {
        return Err(format!("must be at most {MAX_METADATA} bytes").into());
    }
    Ok(Some(Value::Object(map.clone())))
}

/// For how long the old secret lives on: the field in seconds, a day when nothing is said.
///
/// # Errors
/// When it is not between 0 and seven days.
pub fn overlap(body: Option<&Value>, field: &str) -> Result<Duration, Vec<Violation>> {
    let Some(body) = body else { return Ok(Duration::from_secs(DEFAULT_OVERLAP.unsigned_abs())) };
    let violations = Violations::new();
    let seconds = violations.root(body).and_then(|root| {
        if root.has(field) {
            root.nullable(field, integer(0..=MAX_OVERLAP)).or(Some(DEFAULT_OVERLAP))
        } else {
            Some(DEFAULT_OVERLAP)
        }
    });
    violations.finish(seconds).map(|seconds| Duration::from_secs(seconds.unsigned_abs()))
}

/// `{since, until?, status?}`. Left out, the status is both of those that can be recovered.
///
/// # Errors
/// Every field that is missing or malformed.
pub fn wish(body: &Value) -> Result<Wish, Vec<Violation>> {
    let violations = Violations::new();
    let wish = violations.root(body).and_then(|root| {
        let since = root.required("since", time);
        let until = root.nullable("until", time);
        let states = root.nullable("status", recoverable);
        let both = || vec![DeliveryState::DeadLetter, DeliveryState::SkippedDisabled];
        let kind = root.nullable("type", text(1..=MAX_TYPE)).map(str::to_owned);
        let reason = root.nullable("reason", reason).map(|reason| reason.name().to_owned());
        Some(Wish { since: since?, until, states: states.unwrap_or_else(both), kind, reason })
    });
    violations.finish(wish)
}

fn reason(value: &Value) -> Result<DeadLetterReason, Message> {
    [DeadLetterReason::Exhausted, DeadLetterReason::Rejected, DeadLetterReason::Expired]
        .into_iter()
        .find(|reason| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(reason.name())))
        .ok_or_else(|| "must be exhausted, rejected or expired".into())
}

/// One state or several.
fn recoverable(value: &Value) -> Result<Vec<DeliveryState>, Message> {
    let one = |value: &Value| -> Result<DeliveryState, Message> {
        [DeliveryState::DeadLetter, DeliveryState::SkippedDisabled]
            .into_iter()
            .find(|state| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(state.name())))
            .ok_or_else(|| "must be dead_letter or skipped_disabled".into())
    };
    if value.is_array() { list(1..=2, one)(value) } else { one(value).map(|state| vec![state]) }
}
