//! The events that a message carries: one, or several of an organisation that were published together.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What the envelope of an event says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inside {
    pub id: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub tenant: Option<String>,
    pub trace_id: Option<String>,
}

/// As lenient as a dead letter may be wrong.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    id: Value,
    #[serde(rename = "type")]
    kind: Value,
    tenantid: Value,
    traceparent: Value,
}

impl From<Envelope> for Inside {
    fn from(envelope: Envelope) -> Self {
        let text = |value: Value| value.as_str().map(str::to_owned);
        Self {
            id: text(envelope.id),
            kind: text(envelope.kind),
            tenant: text(envelope.tenantid),
            trace_id: envelope.traceparent.as_str().and_then(trace_id_of),
        }
    }
}

/// The events of a payload, in their order; none when it cannot be read.
pub fn inside(payload: &[u8]) -> Vec<Inside> {
    let events = if payload.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice::<Vec<Envelope>>(payload)
    } else {
        serde_json::from_slice::<Envelope>(payload).map(|event| vec![event])
    };
    events.unwrap_or_default().into_iter().map(Inside::from).collect()
}

/// The trace of a `traceparent`.
pub fn trace_id_of(traceparent: &str) -> Option<String> {
    Some(traceparent.split('-').nth(1)?.to_owned())
}

/// An id as messages carry it: `evt_…`, or a UUID in any form, as a UUID with hyphens; anything else as it is.
pub fn plain(id: &str) -> String {
    let uuid = Uuid::try_parse(id.strip_prefix("evt_").unwrap_or(id));
    uuid.map_or_else(|_not_a_uuid| id.to_owned(), |uuid| uuid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_event_and_several_are_read_alike_and_what_is_none_is_left_alone() {
        let event = json!({
            "id": "e-1", "type": "lead.created", "tenantid": "t-1", "traceparent": "00-4bf9-00f0-01", "data": [1],
        });
        let known = Inside {
            id: Some("e-1".to_owned()),
            kind: Some("lead.created".to_owned()),
            tenant: Some("t-1".to_owned()),
            trace_id: Some("4bf9".to_owned()),
        };
        let of = |document: &Value| inside(document.to_string().as_bytes());
        assert_eq!(of(&event), std::slice::from_ref(&known));
        assert_eq!(of(&json!([event, {"id": 7}])), [known, Inside::default()]);
        assert!(inside(b" [{\"id\": \"e-1\"}]").len() == 1);
        for none in [&b"{"[..], b"[1]", b"", b"[{\"id\": \"e-1\"}, ", &[0xff]] {
            assert_eq!(inside(none), []);
        }
    }
}
