//! Pages as HTML, made of what the APIs say. Pure: asks nobody, decides nothing.
//!
//! Works on JSON as it came: the console shows what the APIs say, and has no opinion of its own about it.

pub mod assets;
pub mod audit_log;
pub mod automations;
pub mod broker;
pub mod clients;
pub mod credentials;
pub mod crm;
pub mod dead_letters;
pub mod editor;
pub mod events;
pub mod ingest;
pub mod layout;
pub mod lex;
pub mod lex_conformance;
pub mod overview;
pub mod parts;
pub mod reference;
pub mod sign_in;
pub mod subscriptions;
pub mod times;
pub mod webhooks;

use crate::session::Who;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// What a page has around it.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub who: &'a Who,
    /// What every form brings back.
    pub csrf: &'a str,
    /// The entry of the menu.
    pub here: &'static str,
    pub now: DateTime<Utc>,
}

impl Frame<'_> {
    /// Whether the key may do what this scope stands for. The API decides; this is about which buttons to show.
    pub fn may(&self, scope: &str) -> bool {
        self.who.admin || self.who.scopes.iter().any(|held| held == scope)
    }
}

/// The path of a page of the console, each segment encoded.
pub fn address(segments: &[&str]) -> String {
    let Ok(mut url) = url::Url::parse("http://console/console") else { return "/console".to_owned() };
    if let Ok(mut path) = url.path_segments_mut() {
        path.extend(segments);
    }
    url.path().to_owned()
}

/// A text within JSON, by its pointer (RFC 6901); empty where there is none.
pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A whole number within JSON; 0 where there is none.
pub fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// A time within JSON.
pub fn time(value: &Value, pointer: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text(value, pointer)).ok()?;
    Some(time.to_utc())
}

/// The rows of a list.
pub fn rows(value: &Value) -> &[Value] {
    value["data"].as_array().map_or(&[], Vec::as_slice)
}
