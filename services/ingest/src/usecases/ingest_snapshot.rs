//! Taking a snapshot: kept as an event, and as the card of its type unless a later one is there.

use crate::domain::event::{Category, Rejection, RejectionCode};
use crate::domain::snapshot::NewSnapshot;
use crate::state::State;
use crate::store::events::{self, StoredEvent};
use crate::store::snapshots;
use crate::usecases::announce::{about, batch, workers_created};
use crate::usecases::find_workers::find_workers;
use crate::usecases::once::{Answer, Application, WriteError, Written, check_quota, once};
use chrono::{DateTime, Utc};
use contracts::FaultCode;
use contracts::event::EventData;
use contracts::ids::{EventId, WorkerId};
use contracts::ingest::SnapshotAccepted;
use platform::Fault;
use serde_json::json;
use serde_json::value::to_raw_value;
use sqlx::PgConnection;

/// Whom the snapshot was about, for the answer.
#[derive(Clone, Debug)]
pub struct Subject {
    pub worker: WorkerId,
    pub display_name: Option<String>,
}

/// Stores a snapshot and answers with `render`'s bytes, 202. A body that is none is refused, unless its key was
/// answered before.
pub async fn ingest_snapshot(
    state: &State,
    application: &Application,
    key: Option<String>,
    body: Result<NewSnapshot, Fault>,
    render: impl FnOnce(&NewSnapshot, &Subject) -> Result<Vec<u8>, serde_json::Error>,
) -> Result<Answer, WriteError> {
    let body = match body {
        Err(fault) if key.is_none() => return Err(fault.into()),
        body => body,
    };
    once(state, application, key, async |connection, now| {
        write(state, connection, application, &body?, now, render).await
    })
    .await
}

async fn write(
    state: &State,
    connection: &mut PgConnection,
    application: &Application,
    snapshot: &NewSnapshot,
    now: DateTime<Utc>,
    render: impl FnOnce(&NewSnapshot, &Subject) -> Result<Vec<u8>, serde_json::Error>,
) -> Result<Written, WriteError> {
    check_quota(connection, application, now, 1).await?;
    let found = find_workers(state, connection, application, &[&snapshot.actor], now).await?;
    let worker = match found.workers.into_iter().next() {
        Some(Ok(worker)) => worker,
        Some(Err(rejection)) => return Err(refusal(rejection).into()),
        None => return Err(Fault::internal("an actor was found to be nothing").into()),
    };
    let organization = application.principal.organization.id;
    let app = &application.facts.app.slug;
    let (id, timestamp) = (EventId::new(state.ids.at(now)), snapshot.timestamp.unwrap_or(now));
    let kept = match &snapshot.metadata {
        Some(metadata) => to_raw_value(&json!({"metrics": snapshot.metrics, "metadata": metadata}))?,
        None => to_raw_value(&json!({"metrics": snapshot.metrics}))?,
    };
    let event = StoredEvent {
        worker,
        occurred_at: timestamp,
        id,
        event_type: &snapshot.snapshot_type,
        category: Category::Other.as_str(),
        duration: None,
        metadata: Some(&kept),
    };
    events::insert(connection, organization, app, now, &[event]).await?;
    snapshots::put(connection, organization, app, worker, id, timestamp, snapshot).await?;
    let data = SnapshotAccepted {
        source: application.integration(),
        snapshot_type: snapshot.snapshot_type.clone(),
        timestamp,
        worker: snapshot.actor.facts(worker),
        metrics: snapshot.metrics.clone(),
        metadata: snapshot.metadata.clone(),
    };
    let announced = batch(state, application, now, &[about(worker, id, SnapshotAccepted::TYPE, data)])?;
    let created = workers_created(state, application, now, &found.roster)?;
    let announced = created.into_iter().chain(announced).collect();
    let display_name = found.roster.worker(worker).and_then(|worker| worker.display_name.clone());
    let body = render(snapshot, &Subject { worker, display_name })?;
    Ok(Written { status: 202, body, events: 1, announced })
}

/// What is the verdict on an event of a batch is the answer to a snapshot.
fn refusal(rejection: Rejection) -> Fault {
    let code = match rejection.code {
        RejectionCode::InvalidBody => FaultCode::Validation,
        RejectionCode::ForbiddenEventType => FaultCode::EventTypeForbidden,
        RejectionCode::MissingActor => FaultCode::ActorMissing,
        RejectionCode::WorkerNotFound => FaultCode::ActorUnknown,
        RejectionCode::PlanLimit => FaultCode::PlanLimit,
    };
    Fault::new(code, rejection.message)
}
