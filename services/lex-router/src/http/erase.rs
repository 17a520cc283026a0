//! `POST /internal/erase`: other services only.

use crate::domain::person::Person;
use crate::state::State;
use crate::usecases::erase_person::erase_person;
use actix_web::{HttpResponse, web};
use contracts::ids::OrganizationId;
use contracts::internal::Erased;
use platform::document::{Violations, text, uuid};
use platform::{Fault, Violation};
use platform_http::{FromService, HttpFault, JsonBody};
use serde_json::Value;

/// The longest e-mail address or phone number that anybody could have sent.
const LONGEST: usize = 320;

/// 200 with how many records were stripped; 0 when the person is not known here.
pub async fn post(
    _: FromService,
    state: web::Data<State>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let (organization, person) = read(&document).map_err(Fault::validation)?;
    let records = erase_person(&state, organization, &person).await?;
    Ok(HttpResponse::Ok().json(Erased { records }))
}

fn read(document: &Value) -> Result<(OrganizationId, Person), Vec<Violation>> {
    let violations = Violations::new();
    let wish = violations.root(document).and_then(|root| {
        let organization = root.required("organization_id", uuid);
        let email = root.nullable("email", text(1..=LONGEST)).map(str::to_lowercase);
        let phone = root.nullable("phone", text(1..=LONGEST)).map(str::to_owned);
        if email.is_none() && phone.is_none() {
            root.violation("email", "is required where there is no phone");
        }
        Some((OrganizationId::new(organization?), Person { email, phone }))
    });
    violations.finish(wish)
}
