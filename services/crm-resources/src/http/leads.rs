//! What leads have beside the operations of every resource.

use super::crud;
use crate::state::State;
use crate::usecases::convert_lead::convert_lead;
use crate::usecases::update::Change;
use actix_web::{HttpRequest, HttpResponse, web};
use dialects::crm::UpdateLeads;
use platform_http::{Caller, HttpFault};

/// `POST /api/v1/leads/{id}/convert`: 200 with the lead, the second time as well. A body is not looked at.
pub async fn convert(
    caller: Caller<UpdateLeads>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let (once, precondition) = (crud::once(&request, None)?, crud::precondition(&request));
    let change = Change { id: crud::id_of(&request)?, once: once.as_ref(), precondition: &precondition };
    crud::respond(convert_lead(&state, &caller.principal, change, crud::render).await?)
}
