//! `/internal/**`: what other services of the platform ask the gateway itself.

use super::pages::Query;
use crate::domain::organization::Organization;
use crate::state::State;
use crate::usecases::read_organizations::find_by_lex_name;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::internal::Organizations;
use platform::{Fault, Violation};
use platform_http::{FromService, HttpFault};

/// `GET /internal/organizations?lexId=`: the organisation that bears a LEX name, if there is one.
pub async fn organizations(
    _: FromService,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let Some(name) = Query::parse(request.query_string()).text("lexId") else {
        return Err(Fault::validation(vec![Violation::new("lexId", "is required")]).into());
    };
    let found = find_by_lex_name(&state, &name).await?;
    let data = found.iter().map(Organization::facts).collect();
    Ok(HttpResponse::Ok().json(Organizations { data }))
}
