//! Whether what a service published is what `proto/events` says of it.

use crate::broker::QueuedMessage;
use contracts::topology::WORK_QUEUES;
use jsonschema::Validator;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// The schemas of events by their `dataschema`.
static SCHEMAS: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/events");
    let files =
        fs::read_dir(&folder).expect("proto/events").map(|entry| entry.expect("file of proto/events").path());
    let schemas = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let compiled = schemas.map(|path| {
        let schema: Value =
            serde_json::from_slice(&fs::read(&path).expect("schema")).expect("schema in JSON");
        let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema);
        (schema["$id"].as_str().expect("$id").to_owned(), validator.expect("schema"))
    });
    compiled.collect()
});

/// Looks at an event as a service has published it: with its name in `app_id`, and to the exchange. What was sent to a
/// queue is a copy of one, or a test's own; and tests of the broker send what is no event.
///
/// # Panics
/// When it is not an event, or batch of events, that a schema describes, or its properties and its routing key are not
/// those of the event.
pub fn check(message: &QueuedMessage) {
    let Some(service) = message.properties["app_id"].as_str() else { return };
    let content_type = message.properties["content_type"].as_str().unwrap_or_default();
    let is_to_queue = WORK_QUEUES.iter().any(|queue| message.routing_key.starts_with(queue.name));
    if !content_type.starts_with("application/cloudevents") || is_to_queue {
        return;
    }
    let problems = problems(message, service);
    assert!(
        problems.is_empty(),
        "{service} published {}, which proto/events does not allow:\n{}\n{}",
        message.routing_key,
        problems.join("\n"),
        message.payload
    );
}

fn problems(message: &QueuedMessage, service: &str) -> Vec<String> {
    let events = match serde_json::from_str(&message.payload) {
        Ok(Value::Array(events)) => events,
        Ok(event) => vec![event],
        Err(error) => return vec![error.to_string()],
    };
    let is_batch = message.payload.starts_with('[');
    let mut problems: Vec<_> = events.iter().flat_map(|event| problems_of(event, message)).collect();
    let mut equal = |what: &str, said: &Value, of_event: &str| {
        if said != of_event {
            problems.push(format!("{what} is {said} and not {of_event}"));
        }
    };
    let content_type =
        if is_batch { "application/cloudevents-batch+json" } else { "application/cloudevents+json" };
    equal("content_type", &message.properties["content_type"], content_type);
    for event in &events {
        equal("source", &event["source"], &format!("/leadwire/{service}"));
        if !is_batch {
            equal("message_id", &message.properties["message_id"], event["id"].as_str().unwrap_or_default());
        }
        equal("tenant-id", message.header("tenant-id"), event["tenantid"].as_str().unwrap_or_default());
    }
    problems
}

fn problems_of(event: &Value, message: &QueuedMessage) -> Vec<String> {
    let id = event["dataschema"].as_str().unwrap_or_default();
    let Some(schema) = SCHEMAS.get(id) else {
        return vec![format!("there is no schema {id:?}: list the event in `reference::events::EVENTS`")];
    };
    let mut problems: Vec<_> =
        schema.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect();
    let key =
        id.strip_prefix("/schemas/events/").and_then(|name| name.strip_suffix(".json")).unwrap_or_default();
    if !message.routing_key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
        problems.push(format!("the routing key is not {key}"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn published(payload: &Value) -> QueuedMessage {
        QueuedMessage {
            payload: payload.to_string(),
            routing_key: "webhook.subscription.deleted.v1".to_owned(),
            properties: json!({
                "app_id": "webhook-dispatcher", "content_type": "application/cloudevents+json",
                "message_id": payload["id"], "headers": {"tenant-id": payload["tenantid"]},
            }),
        }
    }

    #[test]
    fn an_event_off_its_schema_or_under_a_foreign_name_is_noticed() {
        let text = include_str!("../../../proto/fixtures/webhook.subscription.deleted.v1.json");
        let event: Value = serde_json::from_str(text).unwrap();
        let good = published(&event);
        assert_eq!(problems(&good, "webhook-dispatcher"), [""; 0]);
        for (pointer, value) in [
            ("/data/deleted_at", json!("yesterday")),
            ("/data/subscription_id", json!(7)),
            ("/type", json!("lead.created")),
            ("/dataschema", json!("/schemas/events/webhook.subscription.deleted.v2.json")),
        ] {
            let mut event = event.clone();
            *event.pointer_mut(pointer).unwrap() = value;
            assert_ne!(problems(&published(&event), "webhook-dispatcher"), [""; 0], "{pointer}");
        }
        let mut lacking = event.clone();
        lacking["data"].as_object_mut().unwrap().remove("deleted_at");
        assert_ne!(problems(&published(&lacking), "webhook-dispatcher"), [""; 0]);
        assert_ne!(problems(&good, "gateway"), [""; 0]);
        let elsewhere = QueuedMessage { routing_key: "intake.lead.created.v1".to_owned(), ..good };
        assert_ne!(problems(&elsewhere, "webhook-dispatcher"), [""; 0]);
    }
}
