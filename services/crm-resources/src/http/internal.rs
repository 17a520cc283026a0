//! `/internal`: what other services ask for.

use crate::state::State;
use crate::usecases::erase_person::erase_person;
use actix_web::{HttpResponse, web};
use contracts::internal::{Erase, Erased};
use platform::{Fault, Violation};
use platform_http::{FromService, HttpFault, JsonBody};

/// `POST /internal/erase`: 200 with how many records were stripped of a person's data.
pub async fn erase(
    _: FromService,
    state: web::Data<State>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let wish: Erase = serde_json::from_value(document).map_err(|error| {
        Fault::validation(vec![Violation::new("", "is not a wish to erase")]).because(error)
    })?;
    let records = erase_person(&state, &wish).await?;
    Ok(HttpResponse::Ok().json(Erased { records }))
}
