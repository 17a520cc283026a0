//! `/internal`: what other services ask.

use super::platform_body::{write_delivery, write_row};
use super::query::Query;
use crate::domain::event::read_id;
use crate::domain::lex::LexTerms;
use crate::domain::person::Person;
use crate::domain::subscription::{Family, Owner, SubscriptionState, Terms};
use crate::error::missing;
use crate::state::State;
use crate::usecases::account_for_events::deliveries_of;
use crate::usecases::erase_person::erase_person;
use crate::usecases::list_subscriptions::list_of_client;
use crate::usecases::put_lex_subscription::put_lex_subscription as put;
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::identity::OrganizationRef;
use contracts::ids::{ClientId, OrganizationId, SubscriptionId};
use contracts::internal::{Deliveries, Erased, Subscriptions};
use contracts::lex::LexSubscription;
use contracts::{FaultCode, Service};
use platform::document::{Violations, text, uuid};
use platform::{Fault, Violation};
use platform_http::{FromService, HttpFault, JsonBody};
use serde_json::Value;
use std::ops::RangeInclusive;
use url::Url;
use uuid::Uuid;

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

/// 200 with every delivery of an organisation's event.
pub async fn deliveries(
    _service: FromService,
    state: web::Data<State>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let mut query = Query::parse(request.query_string());
    let organization: Option<OrganizationId> =
        query.parsed("organization", EXPECTED, |text| text.parse().ok());
    if organization.is_none() && query.text("organization").is_none() {
        query.violation("organization", "is required");
    }
    query.finish()?;
    let of = organization.zip(read_id(&id)).ok_or_else(|| missing("event"))?;
    let found = deliveries_of(&state, of.0, of.1).await?.ok_or_else(|| missing("event"))?;
    Ok(HttpResponse::Ok().json(Deliveries { data: found.iter().map(write_delivery).collect() }))
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

/// 204 once every later message meets the subscription. Of lex-router alone.
pub async fn put_lex_subscription(
    service: FromService,
    state: web::Data<State>,
    id: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    if service.name != Service::LexRouter.name() {
        return Err(Fault::new(FaultCode::RouteNotFound, "no operation has this path").into());
    }
    let id: Option<SubscriptionId> = id.parse().ok();
    let wanted: LexSubscription = serde_json::from_value(document)
        .map_err(|error| Fault::validation(vec![Violation::new("", error.to_string())]))?;
    if id != Some(wanted.id) {
        return Err(Fault::validation(vec![Violation::new("id", "must be the id of the path")]).into());
    }
    let owner = Owner {
        organization: OrganizationRef { id: wanted.organization_id, slug: String::new() },
        client: wanted.client_id.unwrap_or(ClientId::new(Uuid::nil())),
        family: Family::Lex,
    };
    let (id, terms) =
        (wanted.id, lex_terms(wanted, |url| state.outbound.check(url).map_err(|no| no.to_string()))?);
    put(&state, &owner, id, terms).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What the subscription is to be; `None` when it is to end.
fn lex_terms(
    wanted: LexSubscription,
    check: impl Fn(&Url) -> Result<(), String>,
) -> Result<Option<(Terms, Url)>, Fault> {
    if !wanted.active {
        return Ok(None);
    }
    let url = Url::parse(&wanted.delivery_endpoint).map_err(|error| format!("must be a URL: {error}"));
    let url = url
        .and_then(|url| check(&url).map(|()| url))
        .map_err(|message| Fault::validation(vec![Violation::new("deliveryEndpoint", message)]))?;
    let terms = Terms {
        url: url.to_string(),
        events: wanted.event_types,
        description: None,
        state: SubscriptionState::Active,
        retry: None,
        rate_limit: None,
        metadata: None,
        lex: Some(LexTerms { filters: wanted.filters, format: wanted.delivery_format }),
    };
    Ok(Some((terms, url)))
}
