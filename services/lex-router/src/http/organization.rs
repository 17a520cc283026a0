//! What an organisation sees of its messages below `/api/v1/organizations/{id}/lex`, on the platform surface. Reads
//! alone: messages come in on their own surface.

use super::answer::time;
use crate::domain::listing::{Direction, Listed, Selection, Shown, ShownLead};
use crate::state::State;
use crate::usecases::list_messages::{find_listed, list_messages};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::TimeDelta;
use dialects::platform_api::LeadsRead;
use dialects::platform_api::query::{Query, cursor, missing, organization};
use lex::Message;
use lex::header::MessageType;
use platform::Fault;
use platform::ids::floor;
use platform_http::{Caller, HttpFault};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

pub const DEFAULT_LIMIT: i64 = 50;
pub const MAX_LIMIT: i64 = 100;
const STATUSES: [&str; 5] = ["RECEIVED", "PROCESSED", "REJECTED", "DELIVERED", "DLQ"];
const ACKNOWLEDGMENTS: [&str; 4] = ["RECEIVED", "PROCESSED", "REJECTED", "ERROR"];

/// 200 with a page of messages, newest first.
pub async fn messages(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path)?.id;
    let mut query = Query::parse(request.query_string());
    let mut selection = selection(&mut query);
    let limit = usize::try_from(query.number("limit", DEFAULT_LIMIT, MAX_LIMIT)).unwrap_or_default();
    let list = format!("{organization} messages {selection:?}").into_bytes();
    if let Some(after) = query.cursor(&list, |place| Uuid::from_slice(place).ok()) {
        selection.before = Some(after);
    }
    query.finish()?;
    let page = list_messages(&state, organization, &selection, limit).await?;
    let next_cursor = page.next.map(|id| cursor(id.as_bytes(), &list));
    Ok(HttpResponse::Ok().json(PageBody { data: page.items.iter().map(row).collect(), next_cursor }))
}

/// 200 with a message, what became of it, and how its lead stands.
pub async fn message(
    caller: Caller<LeadsRead>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let organization = organization(caller.principal, &path.0)?.id;
    let id: Uuid = path.1.parse().map_err(|error: uuid::Error| missing("message").because(error))?;
    let shown = find_listed(&state, organization, id).await?.ok_or_else(|| missing("message"))?;
    Ok(HttpResponse::Ok().json(whole(&shown)?))
}

fn selection(query: &mut Query) -> Selection {
    let (from, to) = (query.time("from"), query.time("to"));
    Selection {
        direction: query.word("direction", &Direction::NAMES).and_then(Direction::parse),
        kind: query.word("type", &MessageType::NAMES),
        status: query.word("status", &STATUSES),
        acknowledgment: query.word("acknowledgment", &ACKNOWLEDGMENTS),
        partner: query.text("partner"),
        message_id: query.text("messageId"),
        lead_id: query.text("leadId"),
        first: from.map(floor),
        // Up to and with the moment itself.
        before: to.map(|to| floor(to + TimeDelta::milliseconds(1))),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageBody<'m> {
    data: Vec<RowBody<'m>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowBody<'m> {
    id: Uuid,
    direction: &'static str,
    message_id: &'m str,
    message_type: Option<&'m str>,
    sender_id: Option<&'m str>,
    receiver_id: Option<&'m str>,
    lead_id: Option<&'m str>,
    received_at: String,
    status: &'m str,
    acknowledgment_status: Option<&'m str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WholeBody<'m> {
    #[serde(flatten)]
    row: RowBody<'m>,
    is_superseded: bool,
    awaits_receiver: bool,
    processing_time_ms: Option<i32>,
    expires_at: Option<String>,
    on_expiry: &'m str,
    warnings: Box<RawValue>,
    acknowledgment: Option<AcknowledgmentBody<'m>>,
    deduplication: Option<DeduplicationBody<'m>>,
    lead: Option<LeadBody<'m>>,
    message: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AcknowledgmentBody<'m> {
    status: &'m str,
    processed_at: String,
    errors: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeduplicationBody<'m> {
    status: &'m str,
    duplicate_of_lead_id: Option<&'m str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LeadBody<'m> {
    lead_id: &'m str,
    status: &'m str,
    opened_at: String,
    opened_by: &'m str,
    receiver_id: &'m str,
    closure_status: Option<&'m str>,
    closed_at: Option<String>,
}

fn row(listed: &Listed) -> RowBody<'_> {
    RowBody {
        id: listed.id,
        direction: listed.direction.as_str(),
        message_id: &listed.message_id,
        message_type: listed.kind.as_deref(),
        sender_id: listed.sender_id.as_deref(),
        receiver_id: listed.receiver_id.as_deref(),
        lead_id: listed.lead_id.as_deref(),
        received_at: time(listed.received_at),
        status: &listed.status,
        acknowledgment_status: listed.acknowledgment.as_deref(),
    }
}

fn whole(shown: &Shown) -> Result<WholeBody<'_>, Fault> {
    let message = Message::from_json(shown.document.as_bytes()).ok();
    let deadline = message.as_ref().map(|message| lex::ttl::deadline(message, shown.listed.received_at));
    let acknowledgment = shown.listed.acknowledgment.as_deref().zip(shown.ack_at).map(|(status, at)| {
        let errors = raw(shown.ack_errors.as_deref().unwrap_or("[]"))?;
        Ok::<_, Fault>(AcknowledgmentBody { status, processed_at: time(at), errors })
    });
    // What the rules had to say was said to the sender.
    let warnings = shown.warnings.as_deref().filter(|_| shown.listed.direction == Direction::Sent);
    Ok(WholeBody {
        row: row(&shown.listed),
        is_superseded: !shown.counts,
        awaits_receiver: shown.awaited && shown.listed.status == "RECEIVED",
        processing_time_ms: shown.processing_ms,
        expires_at: deadline.map(time),
        on_expiry: &shown.on_expiry,
        warnings: raw(warnings.unwrap_or("[]"))?,
        acknowledgment: acknowledgment.transpose()?,
        deduplication: shown
            .duplicate_status
            .as_deref()
            .map(|status| DeduplicationBody { status, duplicate_of_lead_id: shown.duplicate_of.as_deref() }),
        lead: shown.lead.as_ref().map(lead),
        message: raw(&shown.document)?,
    })
}

fn lead(lead: &ShownLead) -> LeadBody<'_> {
    LeadBody {
        lead_id: &lead.lead_id,
        status: &lead.status,
        opened_at: time(lead.opened_at),
        opened_by: &lead.opener,
        receiver_id: &lead.receiver,
        closure_status: lead.closure.as_deref(),
        closed_at: lead.closed_at.map(time),
    }
}

fn raw(json: &str) -> Result<Box<RawValue>, Fault> {
    RawValue::from_string(json.to_owned()).map_err(Fault::internal)
}
