//! Runs as the two surfaces show them.

use crate::domain::run::RunReport;
use serde_json::{Value, json};

/// In snake case.
pub fn crm(run: &RunReport) -> Value {
    json!({
        "id": run.id, "event_id": run.event_id, "event_type": run.event_type, "subject": run.subject,
        "state": run.state, "position": run.position, "steps_count": run.steps_count, "attempts": run.attempts,
        "depth": run.depth, "error": run.error, "waiting_since": run.waiting_since, "log": run.log,
        "created_at": run.created_at, "next_at": run.next_at, "finished_at": run.finished_at,
    })
}

/// In camel case.
pub fn platform(run: &RunReport) -> Value {
    json!({
        "id": run.id, "eventId": run.event_id, "eventType": run.event_type, "subject": run.subject,
        "state": run.state, "position": run.position, "stepsCount": run.steps_count, "attempts": run.attempts,
        "depth": run.depth, "error": run.error, "waitingSince": run.waiting_since, "log": run.log,
        "createdAt": run.created_at, "nextAt": run.next_at, "finishedAt": run.finished_at,
    })
}
