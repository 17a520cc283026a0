//! `/api/v1/admin/dead-letter-queues/{queue}/replays`.

use super::changes::{Asked, answer, change, make};
use super::dead_letters::queue;
use super::pages::{id, page, paging_of};
use super::permissions::Admin;
use crate::domain::replay::Replay;
use crate::state::State;
use crate::usecases::replay_dead_letters::{self as replays, ReplayError, find_replay, list_replays};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use platform::document::{self, Violations, text, time, uuid};
use platform::{Fault, Violation};
use platform_broker::dead_letters::Filter;
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::ops::RangeInclusive;

const TEXT: RangeInclusive<usize> = 1..=500;
/// Messages that can be chosen one by one.
const CHOSEN: RangeInclusive<usize> = 1..=100;
/// Messages per second that may be asked for.
const RATES: RangeInclusive<f64> = 0.1..=10_000.0;

/// 202 with a replay that begins in a moment.
pub async fn post(
    caller: Caller<Admin>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let queue = queue(&path).map_err(Fault::from)?;
    let (filter, rate) = read(&document).map_err(Fault::validation)?;
    make(&state, &caller.principal, asked, Some(&document), async move |change| {
        let replay = replays::begin(change, queue, filter, rate).await?;
        Ok(answer(StatusCode::ACCEPTED, &write(&replay)))
    })
    .await
}

/// A page of a queue's replays, newest first.
pub async fn list(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let queue = queue(&path).map_err(Fault::from)?;
    let paging = paging_of(&request)?;
    let (found, total) = list_replays(&state, queue.name(), paging).await.map_err(Fault::from)?;
    let rows: Vec<_> = found.iter().map(write).collect();
    Ok(HttpResponse::Ok().json(page(&rows, total, paging)))
}

pub async fn get(
    _: Caller<Admin>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let queue = queue(&path.0).map_err(Fault::from)?;
    let replay = find_replay(&state, queue.name(), id(&path.1, "replay")?).await.map_err(Fault::from)?;
    Ok(HttpResponse::Ok().json(write(&replay)))
}

/// 202; it stops as soon as nothing is half-done.
pub async fn cancel(
    caller: Caller<Admin>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let queue = queue(&path.0).map_err(Fault::from)?;
    let id = id(&path.1, "replay")?;
    accepted(&state, &caller, asked, async |change| replays::cancel(change, queue.name(), id).await).await
}

/// 202; it goes on in a moment, with what is left.
pub async fn resume(
    caller: Caller<Admin>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let queue = queue(&path.0).map_err(Fault::from)?;
    let id = id(&path.1, "replay")?;
    accepted(&state, &caller, asked, async |change| replays::resume(change, queue.name(), id).await).await
}

/// Both are safe to repeat, so their answers need not be kept.
async fn accepted(
    state: &State,
    caller: &Caller<Admin>,
    asked: Asked,
    work: impl AsyncFnOnce(&mut crate::usecases::change::Change<'_>) -> Result<Replay, ReplayError>,
) -> Result<HttpResponse, HttpFault> {
    let replay = change(state, &caller.principal, asked, async |change| Ok(work(change).await?)).await?;
    Ok(HttpResponse::Accepted().json(write(&replay)))
}

fn read(document: &Value) -> Result<(Filter, Option<f64>), Vec<Violation>> {
    let violations = Violations::new();
    let wish = violations.root(document).map(|root| {
        let filter = root.optional_object("filter").map(|filter| Filter {
            id: filter.nullable("id", text(TEXT)).map(str::to_owned),
            ids: filter.nullable("ids", document::list(CHOSEN, text(TEXT))).map_or_else(Vec::new, owned),
            kind: filter.nullable("type", text(TEXT)).map(str::to_owned),
            tenant: filter.nullable("organization", uuid).map(|id| id.to_string()),
            since: filter.nullable("since", time),
            until: filter.nullable("until", time),
            reason: filter.nullable("reason", text(TEXT)).map(str::to_owned),
        });
        (filter.unwrap_or_default(), root.nullable("ratePerSecond", rate))
    });
    violations.finish(wish)
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

fn rate(value: &Value) -> Result<f64, Cow<'static, str>> {
    let rate = value.as_f64().filter(|rate| RATES.contains(rate));
    rate.ok_or_else(|| format!("must be a number between {} and {}", RATES.start(), RATES.end()).into())
}

/// A replay as it is shown.
pub fn write(replay: &Replay) -> Value {
    let filter = &replay.filter;
    json!({
        "id": replay.id,
        "queue": replay.queue,
        "state": replay.state.word(),
        "filter": {
            "id": filter.id,
            "ids": filter.ids,
            "type": filter.kind,
            "organization": filter.tenant,
            "since": filter.since,
            "until": filter.until,
            "reason": filter.reason,
        },
        "ratePerSecond": replay.rate,
        "total": replay.total,
        "moved": replay.moved,
        "left": replay.total.map(|total| (total - replay.moved).max(0)),
        "error": replay.error,
        "requestedBy": replay.requested_by,
        "createdAt": replay.created_at,
        "updatedAt": replay.updated_at,
        "endedAt": replay.ended_at,
    })
}
