//! `POST /api/v1/ingest/snapshots`.

use super::answer::{IngestKey, application, write};
use super::{event_body, idempotency_key, snapshot_body};
use crate::domain::snapshot::NewSnapshot;
use crate::state::State;
use crate::usecases::ingest_snapshot::{Subject, ingest_snapshot};
use actix_web::{HttpRequest, HttpResponse, web};
use platform_http::edge::request_id;
use platform_http::{Caller, HttpFault, JsonBytes};
use serde_json::json;

/// 202 with the worker that the snapshot is about.
pub async fn post(
    caller: Caller<IngestKey>,
    state: web::Data<State>,
    request: HttpRequest,
    body: JsonBytes,
) -> Result<HttpResponse, HttpFault> {
    let application = application(caller)?;
    let key = idempotency_key::read(&request, "snapshots")?;
    let id = request_id(&request);
    let snapshot = event_body::document(&body.0).and_then(|document| snapshot_body::read(&document));
    let answer = ingest_snapshot(&state, &application, key, snapshot, |snapshot, subject| {
        render(&id, snapshot, subject)
    })
    .await?;
    Ok(write(answer)?)
}

fn render(request_id: &str, snapshot: &NewSnapshot, subject: &Subject) -> Result<Vec<u8>, serde_json::Error> {
    let mut worker = json!({"id": subject.worker});
    if let Some(name) = &subject.display_name {
        worker["displayName"] = name.as_str().into();
    }
    serde_json::to_vec(&json!({
        "requestId": request_id,
        "ok": true,
        "snapshotType": snapshot.snapshot_type,
        "worker": worker,
    }))
}
