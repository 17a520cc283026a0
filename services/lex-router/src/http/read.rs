//! `GET /v1/messages…`: messages, their acknowledgments, and one's dead ones.

use super::answer::time;
use super::caller::{Reads, may_read, sender};
use crate::state::State;
use crate::usecases::read_messages::{StoredMessage, find_message, list_dead};
use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::FaultCode;
use contracts::identity::Principal;
use lex::Message;
use lex::header;
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 100;

/// `MessageRecord`, and what the comparison with other leads said.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordBody {
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_type: Option<String>,
    received_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_id: Option<String>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deduplication: Option<Deduplication>,
    /// Of a dead message in a list: why it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deduplication {
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of_lead_id: Option<String>,
}

#[derive(Deserialize)]
pub struct ListQuery {
    status: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

/// 200 with the message as it was submitted.
pub async fn get(
    caller: Caller<Reads>,
    state: web::Data<State>,
    message_id: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let (stored, message) = found(&state, &caller.principal, &message_id).await?;
    let deduplication = stored.duplicate_status.clone();
    let of = stored.duplicate_of.clone();
    let document = RawValue::from_string(stored.document.clone()).map_err(Fault::internal)?;
    Ok(HttpResponse::Ok().json(RecordBody {
        deduplication: deduplication.map(|status| Deduplication { status, duplicate_of_lead_id: of }),
        message: Some(document),
        ..record(stored, &message)
    }))
}

/// 200 with what became of the message; of an acknowledgment there is none.
pub async fn get_acknowledgment(
    caller: Caller<Reads>,
    state: web::Data<State>,
    message_id: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let (stored, _) = found(&state, &caller.principal, &message_id).await?;
    let Some((status, at)) = stored.ack_status.zip(stored.ack_at) else { return Err(unknown().into()) };
    Ok(HttpResponse::Ok().json(json!({
        "originalMessageId": stored.message_id,
        "status": status,
        "processedAt": time(at),
        "errors": issues(stored.ack_errors)?,
    })))
}

/// 200 with the caller's own dead messages, newest first.
pub async fn list(
    caller: Caller<Reads>,
    state: web::Data<State>,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, HttpFault> {
    let (limit, after) = page(&query).map_err(Fault::validation)?;
    let (dead, next) = list_dead(&state, &sender(&caller.principal), after, limit).await?;
    let records = dead.into_iter().filter_map(|stored| {
        let message = Message::from_json(stored.document.as_bytes()).ok()?;
        may_read(&caller.principal, header::of_type(&message)).ok()?;
        let errors = issues(stored.ack_errors.clone()).ok();
        Some(RecordBody { errors, ..record(stored, &message) })
    });
    let records: Vec<RecordBody> = records.collect();
    let next = next.map(|id| URL_SAFE_NO_PAD.encode(id.as_bytes()));
    Ok(HttpResponse::Ok().json(json!({"messages": records, "nextCursor": next})))
}

fn page(query: &ListQuery) -> Result<(usize, Option<Uuid>), Vec<Violation>> {
    let mut violations = Vec::new();
    if query.status.as_deref() != Some("DLQ") {
        violations.push(Violation::new("status", "must be DLQ"));
    }
    let limit = match query.limit.as_deref().map(str::parse) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit @ 1..=MAX_LIMIT)) => limit,
        Some(_) => {
            violations.push(Violation::new("limit", "must be an integer between 1 and 100"));
            DEFAULT_LIMIT
        }
    };
    let after = query.cursor.as_deref().filter(|cursor| !cursor.is_empty()).and_then(|cursor| {
        let place = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| Uuid::from_slice(&bytes).ok());
        if place.is_none() {
            violations.push(Violation::new("cursor", "is not a nextCursor of this list"));
        }
        place
    });
    if violations.is_empty() { Ok((limit, after)) } else { Err(violations) }
}

async fn found(
    state: &State,
    principal: &Principal,
    message_id: &str,
) -> Result<(StoredMessage, Message), HttpFault> {
    let stored = find_message(state, &sender(principal), message_id).await?.ok_or_else(unknown)?;
    let message = Message::from_json(stored.document.as_bytes()).map_err(Fault::internal)?;
    may_read(principal, header::of_type(&message))?;
    Ok((stored, message))
}

fn unknown() -> Fault {
    Fault::new(FaultCode::NotFound, "no message found with the given ID")
}

fn record(stored: StoredMessage, message: &Message) -> RecordBody {
    RecordBody {
        message_id: stored.message_id,
        message_type: message.header_text("messageType").map(str::to_owned),
        received_at: time(stored.received_at),
        sender_id: message.header_text("senderId").map(str::to_owned),
        status: stored.status,
        deduplication: None,
        errors: None,
        message: None,
    }
}

fn issues(list: Option<String>) -> Result<Box<RawValue>, Fault> {
    RawValue::from_string(list.unwrap_or_else(|| "[]".to_owned())).map_err(Fault::internal)
}
