//! `/api/v1/admin/dead-letter-queues` and what lies in them. Payloads may be personal data: only one message at a time
//! shows its own, and an export those that are wanted.

use super::pages::{Query, page};
use super::permissions::Admin;
use super::replays::write as write_replay;
use crate::state::State;
use crate::usecases::look_at_dead_letters::{self as look, By, DeadLetterQueue, LookError, Standing};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::{HttpRequest, HttpResponse, rt, web};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream;
use platform::Fault;
use platform_broker::dead_letters::{DeadLetter, Facts, Filter, Group, payload};
use platform_http::{Caller, HttpFault};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;
use uuid::Uuid;

const TIME: &str = "must be a date and time of RFC 3339";
const GROUPINGS: [&str; 3] = ["reason", "type", "organization"];
/// Lines of an export that wait for their reader.
const LINES: usize = 100;
/// How long a reader may take for one of them: meanwhile nobody else can work on the queue.
const READER: Duration = Duration::from_secs(20);

/// Every queue with what is known at once.
pub async fn list(_: Caller<Admin>, state: web::Data<State>) -> Result<HttpResponse, HttpFault> {
    let standing = to_its_end(async move { look::list(&state).await }).await?;
    let rows: Vec<_> = standing.iter().map(write_standing).collect();
    Ok(HttpResponse::Ok().json(json!({"data": rows})))
}

/// A page of a queue's messages, and all that are wanted in groups.
pub async fn messages(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let queue = queue(&path)?;
    let mut query = Query::parse(request.query_string());
    let filter = filter(&mut query);
    let by = query.word("by", &GROUPINGS, |word| match word.to_ascii_lowercase().as_str() {
        "reason" => Some(By::Reason),
        "type" => Some(By::Type),
        "organization" => Some(By::Organization),
        _ => None,
    });
    let paging = query.paging();
    query.finish()?;
    let look =
        async move { look::look_inside(&state, queue, &filter, by.unwrap_or(By::Reason), paging).await };
    let inside = to_its_end(look).await?;
    let rows: Vec<_> = inside.page.iter().map(write_facts).collect();
    let mut body = page(&rows, i64::try_from(inside.wanted).unwrap_or(i64::MAX), paging);
    let group = |(key, group): &(String, Group)| {
        json!({
            "key": key, "count": group.count, "oldest": group.oldest, "newest": group.newest,
            "lastHour": group.last_hour,
        })
    };
    body["groups"] = inside.groups.iter().map(group).collect();
    body["lookedAt"] = json!(inside.looked_at);
    body["complete"] = json!(inside.complete);
    Ok(HttpResponse::Ok().json(body))
}

/// One message with everything that is known of it.
pub async fn message(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let (name, id) = path.into_inner();
    let queue = queue(&name)?;
    let letter = to_its_end(async move { look::find(&state, queue, &id).await }).await?;
    let response = HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(write_letter(&letter));
    Ok(response)
}

/// The wanted messages whole, a line of JSON each, as they are read.
pub async fn export(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let queue = queue(&path)?;
    let mut query = Query::parse(request.query_string());
    let filter = filter(&mut query);
    query.finish()?;
    let (sender, mut lines) = mpsc::channel(LINES);
    rt::spawn(async move {
        let sent = look::go_through(&state, queue, async |letter| {
            if filter.wants(&Facts::of(letter)) {
                let line = format!("{}\n", write_letter(letter));
                let sending = sender.send_timeout(Ok(Bytes::from(line)), READER).await;
                sending.map_err(|_gone| LookError::Gone)?;
            }
            Ok(true)
        });
        if let Err(error) = sent.await
            && sender.send_timeout(Err(error), READER).await.is_err()
        {
            tracing::debug!("nobody reads an export of dead letters any more");
        }
    });
    // What stands in the way is said before anything is sent.
    let first = lines.recv().await.transpose().map_err(Fault::from)?;
    let rest = stream::unfold(lines, async |mut lines| Some((lines.recv().await?, lines)));
    let all = stream::StreamExt::chain(stream::iter(first.map(Ok)), rest);
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{}.ndjson\"", queue.own_name())))
        .streaming(all))
}

/// The queue of a path.
pub fn queue(name: &str) -> Result<DeadLetterQueue, LookError> {
    DeadLetterQueue::named(name).ok_or(LookError::NoSuchQueue)
}

/// Runs on when the caller goes away: letters that are put down half-way come back in another order.
async fn to_its_end<T: 'static>(
    work: impl Future<Output = Result<T, LookError>> + 'static,
) -> Result<T, HttpFault> {
    let done = rt::spawn(work).await.map_err(Fault::internal)?;
    Ok(done.map_err(Fault::from)?)
}

/// Which messages are meant, as it is asked.
fn filter(query: &mut Query) -> Filter {
    let time = |text: &str| Some(DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc));
    let organization = |text: &str| Some(Uuid::try_parse(text).ok()?.to_string());
    Filter {
        id: query.text("id"),
        ids: Vec::new(),
        kind: query.text("type"),
        tenant: query.parsed("organization", "must be a UUID", organization),
        since: query.parsed("since", TIME, time),
        until: query.parsed("until", TIME, time),
        reason: query.text("reason"),
    }
}

fn write_standing(standing: &Standing) -> Value {
    let Standing { queue, depth, found, in_use, interrupted, replay } = standing;
    json!({
        "queue": queue.name(),
        "deadLetterQueue": queue.own_name(),
        "service": queue.work.map(|work| work.owner.name()),
        "messages": depth,
        "oldest": found.as_ref().and_then(|(group, _)| group.oldest),
        "lastHour": found.as_ref().map(|(group, _)| group.last_hour),
        "mostFrequent": found.as_ref().and_then(|(_, reason)| reason.as_deref()),
        "inUse": in_use,
        "interrupted": interrupted,
        "replay": replay.as_ref().map(write_replay),
    })
}

fn write_facts(facts: &Facts) -> Value {
    let event = |event: &platform_broker::dead_letters::Inside| json!({"id": event.id, "type": event.kind, "organizationId": event.tenant, "traceId": event.trace_id});
    json!({
        "messageId": facts.id,
        "type": facts.kind,
        "organizationId": facts.tenant,
        "deadLetteredAt": facts.died,
        "publishedAt": facts.published,
        "reason": facts.reason,
        "error": facts.error,
        "attempts": facts.attempts,
        "traceId": facts.trace_id,
        "events": facts.events.iter().map(event).collect::<Vec<_>>(),
    })
}

fn write_letter(letter: &DeadLetter) -> Value {
    let mut document = write_facts(&Facts::of(letter));
    document["firstQueue"] = json!(letter.first_queue());
    document["routingKey"] = json!(letter.routing_key());
    document["publisher"] = json!(letter.app_id());
    document["replayedBy"] = json!(letter.text("x-replayed-by"));
    document["headers"] = letter.headers();
    document["payload"] = payload(letter);
    document
}
