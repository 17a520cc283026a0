//! `POST /v1/messages`, `/v1/leads` and `/v1/assets`: one message each.

use super::answer;
use super::body;
use super::caller::{Sends, SendsAssets, SendsLeads, may_send, sender};
use crate::state::State;
use crate::usecases::submit::{submit, unreadable};
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::identity::Principal;
use lex::header::MessageType;
use platform_http::{AnyBytes, Caller, HttpFault};

/// 200 accepted, or accepted before; 400 with everything that is wrong; 403 for another's name or a missing scope.
pub async fn post(
    caller: Caller<Sends>,
    state: web::Data<State>,
    request: HttpRequest,
    body: AnyBytes,
) -> Result<HttpResponse, HttpFault> {
    take(&state, &caller.principal, &request, &body, None).await
}

/// The same for LEAD messages alone.
pub async fn post_lead(
    caller: Caller<SendsLeads>,
    state: web::Data<State>,
    request: HttpRequest,
    body: AnyBytes,
) -> Result<HttpResponse, HttpFault> {
    take(&state, &caller.principal, &request, &body, Some(MessageType::Lead)).await
}

/// The same for ASSET messages alone.
pub async fn post_asset(
    caller: Caller<SendsAssets>,
    state: web::Data<State>,
    request: HttpRequest,
    body: AnyBytes,
) -> Result<HttpResponse, HttpFault> {
    take(&state, &caller.principal, &request, &body, Some(MessageType::Asset)).await
}

async fn take(
    state: &State,
    principal: &Principal,
    request: &HttpRequest,
    body: &AnyBytes,
    only: Option<MessageType>,
) -> Result<HttpResponse, HttpFault> {
    let incoming = match body::message(request, body, only, state.clock.now())? {
        Ok(incoming) => incoming,
        Err(broken) => return Ok(answer::invalid(vec![unreadable(&broken)])),
    };
    // A message of another type is refused for that, whatever its scope.
    let may = |kind| if only.is_some() { Ok(()) } else { may_send(principal, kind) };
    let outcome = submit(state, &sender(principal), incoming, may).await?;
    Ok(answer::of_outcome(outcome, only == Some(MessageType::Lead)))
}
