//! `POST /v1/messages/batch`: up to a hundred messages, each by itself.

use super::answer;
use super::body;
use super::caller::{Sends, may_send, sender, window};
use crate::state::State;
use crate::usecases::charge_batch::charge_batch;
use crate::usecases::submit::submit_batch;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use contracts::limits::{LIMIT_HEADER, REMAINING_HEADER, RESET_HEADER};
use platform::limits::WindowState;
use platform_http::edge::{Final, request_id};
use platform_http::{Caller, HttpFault, JsonBytes};
use serde_json::json;

/// The most messages of a batch.
const LARGEST: usize = 100;

/// 200 with a result for each message, in their order; 400 for what is no batch of 1 to 100 messages; 429, and
/// nothing stored, where there are more messages than the minute has left.
pub async fn post(
    caller: Caller<Sends>,
    state: web::Data<State>,
    request: HttpRequest,
    body: JsonBytes,
) -> Result<HttpResponse, HttpFault> {
    let messages = body::batch(&body.0, state.clock.now())?;
    if !(1..=LARGEST).contains(&messages.len()) {
        return Ok(wrong_size(&request, messages.len()));
    }
    let charged = charge_batch(&state, window(&caller.principal), messages.len()).await;
    if let Some(refusal) = charged.refusal {
        let mut response = HttpResponse::from_error(HttpFault(refusal));
        tell(response.headers_mut(), charged.window);
        return Ok(response);
    }
    let may = |kind| may_send(&caller.principal, kind);
    let outcomes = submit_batch(&state, &sender(&caller.principal), messages, may).await?;
    let now = state.clock.now();
    let results: Vec<_> = outcomes.iter().map(|outcome| answer::of_batch(outcome, now)).collect();
    let succeeded = results.iter().filter(|(valid, _)| *valid).count();
    let mut response = HttpResponse::Ok().json(json!({
        "totalCount": results.len(),
        "successCount": succeeded,
        "failureCount": results.len() - succeeded,
        "results": results.into_iter().map(|(_, result)| result).collect::<Vec<_>>(),
    }));
    tell(response.headers_mut(), charged.window);
    Ok(response)
}

/// `ErrorResponse` with a code of its own.
fn wrong_size(request: &HttpRequest, size: usize) -> HttpResponse {
    let mut response = HttpResponseBuilder::new(StatusCode::BAD_REQUEST).json(json!({
        "error": "INVALID_BATCH_SIZE",
        "message": format!("a batch has 1 to {LARGEST} messages, this one has {size}"),
        "requestId": request_id(request),
    }));
    response.extensions_mut().insert(Final);
    response
}

/// Hands the figures to the gateway.
fn tell(headers: &mut HeaderMap, window: Option<WindowState>) {
    let Some(window) = window else { return };
    for (name, figure) in [
        (LIMIT_HEADER, window.limit),
        (REMAINING_HEADER, window.remaining),
        (RESET_HEADER, window.reset_seconds),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(figure));
    }
}
