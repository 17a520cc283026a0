//! What of a window travels together: neighbours of one organisation and one routing key share a message.
//!
//! A message costs the broker, and everybody on its way, about the same whether it carries one event or fifty.
//! Under load a window is full of events of the same kind, so their number decides little and that of the messages
//! much. Nothing waits for company: a window holds what is there.
//!
//! The events of an organisation keep their order. Those of different organisations have none among each other.

use crate::outbox::{OutboxEntry, PendingEvent};
use contracts::topology::may_share_message;
use platform::messaging::{OutboundMessage, Publish, PublishOutcome};
use serde_json::json;

/// The most events of one message, and the most bytes that are packed together: a dead letter is looked at and
/// replayed as a whole.
const MOST_EVENTS: usize = 64;
const MOST_BYTES: usize = 128 * 1024;

/// The messages of a window, with the outbox rows of each.
#[derive(Debug, Default)]
pub(crate) struct Parcels {
    messages: Vec<OutboundMessage>,
    rows: Vec<Vec<i64>>,
}

impl Parcels {
    pub(crate) fn pack(mut entries: Vec<OutboxEntry>) -> Self {
        entries.sort_unstable_by(|a, b| tenant(&a.event).cmp(&tenant(&b.event)).then(a.seq.cmp(&b.seq)));
        let mut parcels = Self::default();
        for group in groups(entries, |entry| &entry.event, may_share_message) {
            let (rows, events) = group.into_iter().map(|entry| (entry.seq, entry.event)).unzip();
            parcels.rows.push(rows);
            parcels.messages.extend(joined(events).map(OutboundMessage::from));
        }
        parcels
    }

    /// Publishes them, and says which rows the broker has.
    pub(crate) async fn publish<P: Publish>(&self, publisher: &P) -> Vec<i64> {
        let outcomes = publisher.publish(&self.messages).await;
        let confirmed = self.rows.iter().zip(outcomes).filter(|(_, it)| *it == PublishOutcome::Confirmed);
        confirmed.flat_map(|(rows, _)| rows.iter().copied()).collect()
    }
}

/// Packs what is about to be stored, as far as its rows need not be told apart: those that a person is in are, by
/// whoever forgets that person.
pub(crate) fn pack_rows(events: Vec<PendingEvent>) -> Vec<PendingEvent> {
    let is_personal =
        |key: &str| ["intake.lead.created.", "lex.message."].iter().any(|it| key.starts_with(it));
    let groups = groups(events, |event| event, |key| may_share_message(key) && !is_personal(key));
    groups.into_iter().filter_map(joined).collect()
}

/// Neighbours that may share a message, in their order.
fn groups<T>(
    items: Vec<T>,
    event: impl Fn(&T) -> &PendingEvent,
    may_share: impl Fn(&str) -> bool,
) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut bytes = 0;
    for item in items {
        let size = event(&item).payload.len();
        let joins = |group: &Vec<T>| {
            let has_room = group.len() < MOST_EVENTS && bytes + size <= MOST_BYTES;
            has_room && group.first().is_some_and(|first| are_alike(event(first), event(&item)))
        };
        let company = groups.last_mut().filter(|group| may_share(&event(&item).routing_key) && joins(group));
        if let Some(group) = company {
            bytes += size;
            group.push(item);
        } else {
            bytes = size;
            groups.push(vec![item]);
        }
    }
    groups
}

fn are_alike(one: &PendingEvent, other: &PendingEvent) -> bool {
    let is_single = |event: &PendingEvent| event.payload.starts_with(b"{");
    one.routing_key == other.routing_key && tenant(one) == tenant(other) && is_single(one) && is_single(other)
}

fn tenant(event: &PendingEvent) -> Option<&str> {
    event.headers["tenant-id"].as_str()
}

/// Several as one, named by its first. Of the traces that meet in it, it belongs to the first that is recorded.
fn joined(mut events: Vec<PendingEvent>) -> Option<PendingEvent> {
    if events.len() < 2 {
        return events.pop();
    }
    let mut payload =
        Vec::with_capacity(events.iter().map(|event| event.payload.len() + 1).sum::<usize>() + 1);
    for event in &events {
        payload.push(if payload.is_empty() { b'[' } else { b',' });
        payload.extend_from_slice(&event.payload);
    }
    payload.push(b']');
    let mut headers = json!({"tenant-id": tenant(events.first()?)});
    let mut traceparents = events.iter().filter_map(|event| event.headers["traceparent"].as_str());
    if let Some(recorded) = traceparents.find(|traceparent| traceparent.ends_with("-01")) {
        headers["traceparent"] = recorded.into();
    }
    Some(PendingEvent { headers, payload, ..events.swap_remove(0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::event::BATCH_CONTENT_TYPE;
    use proptest::prelude::*;
    use serde_json::Value;
    use uuid::Uuid;

    fn entry(seq: i64, tenant: &str, routing_key: &str) -> OutboxEntry {
        let headers =
            json!({"tenant-id": tenant, "aggregate-id": "a", "traceparent": format!("00-{seq}-00")});
        let event = PendingEvent {
            event_id: Uuid::from_u128(u128::try_from(seq).unwrap()),
            routing_key: routing_key.to_owned(),
            kind: "kind".to_owned(),
            headers,
            payload: json!({"seq": seq, "tenant": tenant}).to_string().into_bytes(),
        };
        OutboxEntry { seq, event }
    }

    const CREATED: &str = "intake.lead.created.v1";
    const DISPATCHED: &str = "intake.lead.dispatched.v1";

    #[test]
    fn neighbours_of_a_kind_share_a_message_and_keep_their_bytes() {
        let mut entries =
            vec![entry(1, "acme", CREATED), entry(2, "acme", CREATED), entry(3, "acme", CREATED)];
        entries[1].event.headers["traceparent"] = json!("00-2-01");
        let parcels = Parcels::pack(entries);
        assert_eq!(parcels.rows, [[1, 2, 3]]);
        let message = &parcels.messages[0];
        assert_eq!(message.message_id, Uuid::from_u128(1));
        assert_eq!(message.content_type, BATCH_CONTENT_TYPE);
        let headers = [("tenant-id", "acme"), ("traceparent", "00-2-01")];
        assert_eq!(message.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let events: Vec<Value> = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(events.iter().map(|event| event["seq"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn one_alone_travels_as_it_is() {
        let parcels = Parcels::pack(vec![entry(1, "acme", CREATED)]);
        assert_eq!(parcels.messages, [OutboundMessage::from(entry(1, "acme", CREATED).event)]);
    }

    #[test]
    fn kinds_that_some_queue_reads_one_by_one_batches_and_large_ones_travel_alone() {
        let key = "crm.customer.created.v1";
        assert_eq!(Parcels::pack(vec![entry(1, "acme", key), entry(2, "acme", key)]).rows, [[1], [2]]);
        let mut entries =
            vec![entry(1, "acme", CREATED), entry(2, "acme", CREATED), entry(3, "acme", CREATED)];
        entries[1].event.payload = b"[{}]".to_vec();
        assert_eq!(Parcels::pack(entries.clone()).rows, [[1], [2], [3]]);
        entries[1].event.payload = [b"{\"x\":\"".as_slice(), &vec![b'x'; MOST_BYTES], b"\"}"].concat();
        assert_eq!(Parcels::pack(entries).rows, [[1], [2], [3]]);
    }

    #[test]
    fn rows_are_packed_as_well_but_for_those_that_a_person_is_looked_for_in() {
        let rows = |key: &str| {
            let events = (1..=3).map(|seq| entry(seq, "acme", key).event).collect();
            pack_rows(events).into_iter().map(|row| row.event_id.as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(rows(DISPATCHED), [1]);
        assert_eq!(rows(CREATED), [1, 2, 3]);
        assert_eq!(rows("lex.message.routed.v1"), [1, 2, 3]);
    }

    proptest! {
        #[test]
        fn every_row_travels_once_and_an_organisation_keeps_its_order(
            kinds in proptest::collection::vec((0..3_u8, 0..3_u8), 0..300),
        ) {
            let entries: Vec<_> = kinds
                .iter()
                .enumerate()
                .map(|(seq, (tenant, kind))| {
                    let key = [CREATED, DISPATCHED, "crm.lead.created.v1"][usize::from(*kind)];
                    entry(i64::try_from(seq).unwrap(), &tenant.to_string(), key)
                })
                .collect();
            let parcels = Parcels::pack(entries.into_iter().rev().collect());
            let mut travelled = Vec::new();
            for (message, rows) in parcels.messages.iter().zip(&parcels.rows) {
                prop_assert!(rows.len() <= MOST_EVENTS);
                let document: Value = serde_json::from_slice(&message.payload).unwrap();
                let events = match document {
                    Value::Array(events) => events,
                    event => vec![event],
                };
                let seqs: Vec<i64> = events.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
                prop_assert_eq!(&seqs, rows);
                travelled.extend(events);
            }
            for tenant in ["0", "1", "2"] {
                let seqs = travelled.iter().filter(|event| event["tenant"] == tenant);
                prop_assert!(seqs.map(|event| event["seq"].as_i64().unwrap()).is_sorted());
            }
            let mut seqs: Vec<i64> = travelled.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
            seqs.sort_unstable();
            prop_assert!(seqs.into_iter().eq(0..i64::try_from(kinds.len()).unwrap()));
        }
    }
}
