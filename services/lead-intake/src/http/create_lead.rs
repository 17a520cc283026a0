//! `POST /api/v1/partners/{partner_slug}/leads`.

use super::lead_body;
use crate::state::State;
use crate::usecases::accept_lead::accept_lead;
use actix_web::{HttpResponse, web};
use dialects::partner::LeadsWrite;
use platform::Fault;
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::json;

/// 201 with the lead; the same bytes and `Idempotent-Replayed: true` when it was sent before.
pub async fn post(
    caller: Caller<LeadsWrite>,
    state: web::Data<State>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let new = lead_body::read(&document).map_err(Fault::validation)?;
    let accepted = accept_lead(&state, &caller.principal, new, |lead| {
        serde_json::to_vec(&json!({"ok": true, "data": lead_body::write(lead)}))
    })
    .await?;
    let mut response = HttpResponse::Created();
    response.content_type("application/json");
    if accepted.replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    Ok(response.body(accepted.response))
}
