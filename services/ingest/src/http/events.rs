//! `POST /api/v1/ingest/events`.

use super::answer::{IngestKey, application, write};
use super::{event_body, idempotency_key};
use crate::domain::rules::BATCH_LIMIT;
use crate::state::State;
use crate::usecases::ingest_batch::{Verdicts, ingest_batch};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use contracts::moment;
use platform_http::edge::request_id;
use platform_http::{Caller, HttpFault, JsonBytes};
use serde::Serialize;

/// The contract's `IngestBatchResponse`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchAnswer<'b> {
    request_id: &'b str,
    accepted: usize,
    rejected: usize,
    batch_limit: usize,
    results: Results<'b>,
}

#[derive(Serialize)]
struct Results<'b> {
    accepted: Vec<AcceptedEvent<'b>>,
    rejected: Vec<RejectedEvent<'b>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AcceptedEvent<'b> {
    event_type: &'b str,
    #[serde(serialize_with = "moment::serialize")]
    timestamp: DateTime<Utc>,
}

#[derive(Serialize)]
struct RejectedEvent<'b> {
    index: usize,
    code: &'static str,
    message: &'b str,
}

/// 202 when every event is accepted, 207 when some are not.
pub async fn post(
    caller: Caller<IngestKey>,
    state: web::Data<State>,
    request: HttpRequest,
    body: JsonBytes,
) -> Result<HttpResponse, HttpFault> {
    let application = application(caller)?;
    let key = idempotency_key::read(&request, "events")?;
    let id = request_id(&request);
    let events = event_body::read(&body.0);
    let answer = ingest_batch(&state, &application, key, events, |verdicts| render(&id, verdicts)).await?;
    Ok(write(answer)?)
}

fn render(request_id: &str, verdicts: &Verdicts<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let accepted: Vec<_> = verdicts
        .accepted
        .iter()
        .map(|&(event_type, timestamp)| AcceptedEvent { event_type, timestamp })
        .collect();
    let rejected: Vec<_> = verdicts
        .rejected
        .iter()
        .map(|(index, rejection)| RejectedEvent {
            index: *index,
            code: rejection.code.as_str(),
            message: &rejection.message,
        })
        .collect();
    serde_json::to_vec(&BatchAnswer {
        request_id,
        accepted: accepted.len(),
        rejected: rejected.len(),
        batch_limit: BATCH_LIMIT,
        results: Results { accepted, rejected },
    })
}
