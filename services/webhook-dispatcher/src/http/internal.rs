//! `/internal`: what other services ask.

use super::platform_body::write_row;
use super::query::Query;
use crate::domain::person::Person;
use crate::domain::subscription::SubscriptionState;
use crate::state::State;
use crate::usecases::erase_person::erase_person;
use crate::usecases::list_subscriptions::list_of_client;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::ids::{ClientId, OrganizationId};
use contracts::internal::{Erased, Subscriptions};
use platform::document::{Violations, text, uuid};
use platform::{Fault, Violation};
use platform_http::{FromService, HttpFault, JsonBody};
use serde_json::Value;
use std::ops::RangeInclusive;

const EXPECTED: &str = "must be a UUID";
/// The longest e-mail address or phone number that anybody could have sent.
const LONGEST: usize = 320;
/// How many digits an E.164 number has: fewer would be found in everything.
const DIGITS: RangeInclusive<usize> = 7..=15;

/// 200 with a client's subscriptions of all families, newest first. A client that is not known has none.
pub async fn subscriptions(
    _service: FromService,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let mut query = Query::parse(request.query_string());
    let organization: Option<OrganizationId> =
        query.parsed("organization", EXPECTED, |text| text.parse().ok());
    let client: Option<ClientId> = query.parsed("client", EXPECTED, |text| text.parse().ok());
    for (name, is_there) in [("organization", organization.is_some()), ("client", client.is_some())] {
        if !is_there && query.text(name).is_none() {
            query.violation(name, "is required");
        }
    }
    query.finish()?;
    let found = match organization.zip(client) {
        Some((organization, client)) => list_of_client(&state, organization, client).await?,
        None => Vec::new(),
    };
    let active = found.iter().filter(|shown| shown.state == SubscriptionState::Active).count();
    Ok(HttpResponse::Ok().json(Subscriptions {
        data: found.iter().map(write_row).collect(),
        active: active as u64,
        total: found.len() as u64,
    }))
}

/// 200 with how many records were stripped of a person; 0 when they are not known here.
pub async fn erase(
    _service: FromService,
    state: web::Data<State>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let (organization, person) = read_wish(&document).map_err(Fault::validation)?;
    let records = erase_person(&state, organization, &person).await?;
    Ok(HttpResponse::Ok().json(Erased { records }))
}

fn read_wish(document: &Value) -> Result<(OrganizationId, Person), Vec<Violation>> {
    let violations = Violations::new();
    let wish = violations.root(document).and_then(|root| {
        let organization = root.required("organization_id", uuid);
        let email = root.nullable("email", text(3..=LONGEST)).map(str::to_lowercase);
        let digits = root.nullable("phone", |value| {
            let digits: String = text(1..=LONGEST)(value)?.chars().filter(char::is_ascii_digit).collect();
            if DIGITS.contains(&digits.len()) { Ok(digits) } else { Err("must be an E.164 number".into()) }
        });
        if email.is_none() && digits.is_none() {
            root.violation("email", "is required where there is no phone");
        }
        Some((OrganizationId::new(organization?), Person { email, digits }))
    });
    violations.finish(wish)
}
