//! `POST /v1/leads/{leadId}/closure`: the short form.

use super::answer;
use super::caller::{SendsClosures, sender};
use crate::state::State;
use crate::usecases::close_lead::close_lead;
use actix_web::{HttpResponse, web};
use contracts::FaultCode;
use lex::closure::ShortClosure;
use lex::{Issue, code, json};
use platform::Fault;
use platform_http::{Caller, HttpFault, JsonBytes};

/// 200 with the id of the message that says so; 404 for a lead that the caller takes no part in.
pub async fn post(
    caller: Caller<SendsClosures>,
    state: web::Data<State>,
    lead_id: web::Path<String>,
    body: JsonBytes,
) -> Result<HttpResponse, HttpFault> {
    let since = state.clock.now();
    let read =
        json::parse(&body.0).map_err(|broken| vec![Issue::critical("body", code::INVALID_FORMAT, broken.0)]);
    let closure = match read.and_then(|body| ShortClosure::read(&body)) {
        Ok(closure) => closure,
        Err(issues) => return Ok(answer::invalid(issues)),
    };
    match close_lead(&state, &sender(&caller.principal), &lead_id, &closure, since).await? {
        Some(outcome) => Ok(answer::of_outcome(outcome, false)),
        None => Err(Fault::new(FaultCode::NotFound, "no lead found with the given ID").into()),
    }
}
