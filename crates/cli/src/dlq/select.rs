//! Which dead letters are meant, and what is known of one.

use super::inside::{Inside, inside, plain, trace_id_of};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use platform::clock::Clock;
use platform::ids::time_of;
use platform_broker::dead_letters::DeadLetter;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// What a dead letter has to be to be meant; without any of these, every one is.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    /// This message alone, by its id or by that of an event in it.
    #[arg(long, value_name = "ID")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Events of this type: lead.created.
    #[arg(long = "type", value_name = "TYPE")]
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of this organisation: its slug or id.
    #[arg(long, value_name = "ORGANIZATION")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// That died at this moment or later: 2026-01-02T03:04:05Z, or 30m, 2h, 3d ago.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// That died before this moment.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// With this kind of failure (permanent, undecodable, panic, exhausted, delivery_limit), or with these words in
    /// the error.
    #[arg(long, value_name = "REASON")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Filter {
    pub fn wants(&self, letter: &Facts) -> bool {
        self.id.as_ref().is_none_or(|id| letter.answers_to(id))
            && self.kind.as_ref().is_none_or(|kind| letter.is_of_type(kind))
            && self.tenant.as_ref().is_none_or(|tenant| letter.is_of_tenant(tenant))
            && self.since.is_none_or(|since| letter.died.is_some_and(|died| died >= since))
            && self.until.is_none_or(|until| letter.died.is_some_and(|died| died < until))
            && self.reason.as_ref().is_none_or(|reason| letter.failed_with(reason))
    }

    /// In words, as one would give it again.
    pub fn line(&self) -> String {
        let moment = |at: &Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339());
        let parts = [
            ("id", self.id.clone()),
            ("type", self.kind.clone()),
            ("tenant", self.tenant.clone()),
            ("since", moment(&self.since)),
            ("until", moment(&self.until)),
            ("reason", self.reason.clone()),
        ];
        let given = parts.into_iter().filter_map(|(name, value)| Some(format!("--{name} {:?}", value?)));
        given.collect::<Vec<_>>().join(" ")
    }
}

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
            events: inside(letter.payload()),
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

    fn is_of_type(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
            || self.events.iter().any(|event| event.kind.as_deref() == Some(kind))
    }

    fn is_of_tenant(&self, tenant: &str) -> bool {
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

    fn failed_with(&self, reason: &str) -> bool {
        let said = |error: &String| error.to_lowercase().contains(&reason.to_lowercase());
        self.reason.as_deref() == Some(reason) || self.error.as_ref().is_some_and(said)
    }
}

/// A payload as JSON; as text in a member `text` or bytes in a member `base64`, when it is none.
pub fn payload(letter: &DeadLetter) -> Value {
    if let Ok(document) = serde_json::from_slice(letter.payload()) {
        return document;
    }
    match std::str::from_utf8(letter.payload()) {
        Ok(text) => json!({"text": text}),
        Err(_) => json!({"base64": BASE64.encode(letter.payload())}),
    }
}

/// A moment, or how long ago one was.
pub fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let expected = || "expected 2026-01-02T03:04:05Z, or 90s, 30m, 2h, 3d for that long ago".to_owned();
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(expected)?;
    let number: i64 = digits.parse().map_err(|_not_a_number| expected())?;
    let ago = match unit {
        "s" => TimeDelta::try_seconds(number),
        "m" => TimeDelta::try_minutes(number),
        "h" => TimeDelta::try_hours(number),
        "d" => TimeDelta::try_days(number),
        _ => None,
    };
    let now = Clock::system().now();
    ago.filter(|ago| *ago >= TimeDelta::zero())
        .and_then(|ago| now.checked_sub_signed(ago))
        .ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            id: Some("m-1".to_owned()),
            kind: Some("lead.created".to_owned()),
            tenant: Some("t-1".to_owned()),
            died: Some("2026-01-02T03:04:05Z".parse().unwrap()),
            published: None,
            reason: Some("permanent".to_owned()),
            error: Some("HubSpot refused the lead".to_owned()),
            attempts: Some(1),
            trace_id: None,
            events: Vec::new(),
        }
    }

    #[test]
    fn everything_that_is_asked_for_has_to_hold() {
        let at = |text: &str| Some(text.parse().unwrap());
        let text = |text: &str| Some(text.to_owned());
        for (filter, wanted) in [
            (Filter::default(), true),
            (Filter { id: text("m-1"), kind: text("lead.created"), ..Filter::default() }, true),
            (Filter { id: text("m-1"), kind: text("lead.completed"), ..Filter::default() }, false),
            (Filter { tenant: text("t-2"), ..Filter::default() }, false),
            (Filter { since: at("2026-01-02T03:04:05Z"), ..Filter::default() }, true),
            (Filter { until: at("2026-01-02T03:04:05Z"), ..Filter::default() }, false),
            (Filter { reason: text("permanent"), ..Filter::default() }, true),
            (Filter { reason: text("hubspot"), ..Filter::default() }, true),
            (Filter { reason: text("perm"), ..Filter::default() }, false),
        ] {
            assert_eq!(filter.wants(&facts()), wanted, "{}", filter.line());
        }
    }

    #[test]
    fn an_event_in_a_message_stands_for_the_message() {
        let (id, tenant) = ("019b7d2a-1c08-7000-8000-000000000001", "t-2");
        let event = json!({"id": id, "type": "order.placed", "tenantid": tenant});
        let letter =
            Facts { events: inside(json!([{"id": "e-1"}, event]).to_string().as_bytes()), ..facts() };
        let public = format!("evt_{}", id.replace('-', ""));
        for known in ["m-1", "e-1", id, &public] {
            assert!(letter.answers_to(known), "{known}");
        }
        assert!(!letter.answers_to("019b7d2a-1c08-7000-8000-000000000002"));
        let of_type = |kind: &str| Filter { kind: Some(kind.to_owned()), ..Filter::default() };
        assert!(["lead.created", "order.placed"].iter().all(|kind| of_type(kind).wants(&letter)));
        assert!(!of_type("lead.completed").wants(&letter));
        assert!(Filter { tenant: Some(tenant.to_owned()), ..Filter::default() }.wants(&letter));
        assert_eq!((letter.size(), letter.kind_and_size().as_str()), (2, "lead.created x2"));
        assert_eq!((facts().size(), facts().kind_and_size().as_str()), (1, "lead.created"));
    }

    #[test]
    fn a_letter_whose_death_is_undated_is_not_within_a_time() {
        let undated = Facts { died: None, ..facts() };
        assert!(!Filter { since: Some(DateTime::UNIX_EPOCH), ..Filter::default() }.wants(&undated));
        assert!(Filter::default().wants(&undated));
    }

    #[test]
    fn a_moment_is_a_time_or_how_long_ago_it_was() {
        assert_eq!(moment("2026-01-02T04:04:05+01:00").unwrap(), facts().died.unwrap());
        assert!(moment("2h").unwrap() < Clock::system().now());
        for nonsense in ["", "h", "-2h", "2w", "99999999999999999h", "yesterday", "ü"] {
            assert!(moment(nonsense).is_err(), "{nonsense}");
        }
    }
}
