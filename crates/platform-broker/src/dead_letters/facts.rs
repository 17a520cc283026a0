//! What is known of a dead letter.

use super::DeadLetter;
use super::inside::{Inside, inside, plain, trace_id_of};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use platform::ids::time_of;
use serde_json::{Value, json};
use uuid::Uuid;

/// What is known of a dead letter without its payload.
#[derive(Clone, Debug)]
pub struct Facts {
    pub id: Option<String>,
    pub kind: Option<String>,
    pub tenant: Option<String>,
    /// When it died; when it was published, if nobody wrote that down.
    pub died: Option<DateTime<Utc>>,
    pub published: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    pub error: Option<String>,
    pub attempts: Option<u32>,
    pub trace_id: Option<String>,
    /// Those that the message carries, as far as it can be read.
    pub events: Vec<Inside>,
}

impl Facts {
    pub fn of(letter: &DeadLetter) -> Self {
        let seconds = |seconds: u64| DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0);
        let id = letter.message_id();
        let minted = || time_of(Uuid::try_parse(id?).ok()?);
        let published = letter.published_at().and_then(seconds).or_else(minted);
        let written = || Some(DateTime::parse_from_rfc3339(&letter.dead_lettered_at()?).ok()?.to_utc());
        Self {
            id: id.map(str::to_owned),
            kind: letter.kind().map(str::to_owned),
            tenant: letter.text("tenant-id"),
            died: written().or_else(|| letter.given_up_at().and_then(seconds)).or(published),
            published,
            reason: letter.reason(),
            error: letter.error(),
            attempts: letter.attempts(),
            trace_id: letter.traceparent().as_deref().and_then(trace_id_of),
            events: inside(&letter.payload()),
        }
    }

    /// Whether an id is the message's, or that of an event in it.
    pub fn answers_to(&self, id: &str) -> bool {
        let plain = plain(id);
        let is = |known: &Option<String>| known.as_deref().is_some_and(|known| known == id || known == plain);
        is(&self.id) || self.events.iter().any(|event| is(&event.id))
    }

    /// How many events go where the message goes.
    pub fn size(&self) -> u64 {
        u64::try_from(self.events.len().max(1)).unwrap_or(u64::MAX)
    }

    /// The type, and of how many events when they are several.
    pub fn kind_and_size(&self) -> String {
        let kind = self.kind.as_deref().unwrap_or("-");
        if self.size() == 1 { kind.to_owned() } else { format!("{kind} x{}", self.size()) }
    }

    pub(super) fn is_of_type(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
            || self.events.iter().any(|event| event.kind.as_deref() == Some(kind))
    }

    pub(super) fn is_of_tenant(&self, tenant: &str) -> bool {
        let is = |known: &Option<String>| known.as_deref() == Some(tenant);
        is(&self.tenant) || self.events.iter().any(|event| is(&event.tenant))
    }

    /// The kind of failure and what it said.
    pub fn cause(&self) -> String {
        match (&self.reason, &self.error) {
            (Some(reason), Some(error)) => format!("{reason}: {error}"),
            (Some(known), None) | (None, Some(known)) => known.clone(),
            (None, None) => "unknown".to_owned(),
        }
    }

    pub fn document(&self, queue: &str) -> Value {
        json!({
            "queue": queue,
            "messageId": self.id,
            "type": self.kind,
            "tenant": self.tenant,
            "deadLetteredAt": self.died,
            "publishedAt": self.published,
            "reason": self.reason,
            "error": self.error,
            "attempts": self.attempts,
            "traceId": self.trace_id,
            "events": self.events,
        })
    }

    pub(super) fn failed_with(&self, reason: &str) -> bool {
        let said = |error: &String| error.to_lowercase().contains(&reason.to_lowercase());
        self.reason.as_deref() == Some(reason) || self.error.as_ref().is_some_and(said)
    }
}

/// A payload as JSON; as text in a member `text` or bytes in a member `base64`, when it is none.
pub fn payload(letter: &DeadLetter) -> Value {
    let payload = letter.payload();
    if let Ok(document) = serde_json::from_slice(&payload) {
        return document;
    }
    match std::str::from_utf8(&payload) {
        Ok(text) => json!({"text": text}),
        Err(_) => json!({"base64": BASE64.encode(&payload)}),
    }
}
