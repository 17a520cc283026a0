//! `/v1/subscriptions` and what is below one of them, but for its deliveries.

use super::query::Query;
use super::{fields, lex_body};
use crate::domain::subscription::{Family, Owner, Part, ShownSubscription};
use crate::error::missing;
use crate::state::State;
use crate::usecases::create_subscription::{LexBirth, WhoseSecret, create as create_subscription};
use crate::usecases::delete_subscriptions::delete_subscription;
use crate::usecases::list_subscriptions::{find_subscription, list_subscriptions};
use crate::usecases::recover::recover;
use crate::usecases::update_subscription::{rotate_secret, update_subscription};
use actix_web::{HttpRequest, HttpResponse, web};
use contracts::FaultCode;
use contracts::identity::{LexFacts, Principal, SurfaceFacts};
use contracts::ids::SubscriptionId;
use dialects::lex::SubscriptionsManage;
use platform::document::Violations;
use platform::{Fault, Violation};
use platform_http::edge::Final;
use platform_http::{Caller, HttpFault, JsonBody, OptionalJsonBody};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// A body that may be none; what is wrong with it is said in the contract's own envelope.
type AnyBody = Result<JsonBody, HttpFault>;

/// Whose subscriptions a request is about, and who they are in messages.
pub struct Exchange {
    pub owner: Owner,
    /// Its LEX id and its aliases.
    lex_ids: Vec<String>,
}

impl Exchange {
    pub fn of(principal: Principal) -> Self {
        let lex_ids = match principal.facts {
            SurfaceFacts::Lex(LexFacts { organization_id, aliases, .. }) => {
                organization_id.into_iter().chain(aliases).collect()
            }
            _ => Vec::new(),
        };
        let (organization, client) = (principal.organization, principal.client_id);
        Self { owner: Owner { organization, client, family: Family::Lex }, lex_ids }
    }

    /// What `organizationId` says: the LEX id, where there is one.
    fn name(&self) -> String {
        self.lex_ids.first().cloned().unwrap_or_else(|| self.owner.organization.id.to_string())
    }

    fn write(&self, shown: &ShownSubscription) -> Value {
        lex_body::write(shown, &self.name())
    }

    /// The subscription that a path names, if it is there.
    async fn known(&self, state: &State, id: &str) -> Result<ShownSubscription, Fault> {
        let found = find_subscription(state, &self.owner, subscription(id)?).await?;
        found.ok_or_else(|| missing("subscription"))
    }
}

/// The subscription that a path names; a malformed id names none.
pub fn subscription(id: &str) -> Result<SubscriptionId, Fault> {
    id.parse().ok().ok_or_else(|| missing("subscription"))
}

/// 400 in the contract's `ValidationFailureResponse` for what is wrong with the body; other faults as they are.
fn refuse(fault: Fault, document: Option<&Value>) -> Result<HttpResponse, HttpFault> {
    let violations = match fault.code {
        FaultCode::Validation => fault.violations,
        FaultCode::MalformedBody => vec![Violation::new("", fault.message)],
        _ => return Err(fault.into()),
    };
    let mut response = HttpResponse::BadRequest().json(lex_body::write_failure(document, &violations));
    response.extensions_mut().insert(Final);
    Ok(response)
}

/// 201 with the subscription, without its secret.
pub async fn create(
    caller: Caller<SubscriptionsManage>,
    state: web::Data<State>,
    body: AnyBody,
) -> Result<HttpResponse, HttpFault> {
    let exchange = Exchange::of(caller.principal);
    let document = match body {
        Ok(JsonBody(document)) => document,
        Err(HttpFault(fault)) => return refuse(fault, None),
    };
    let wanted = match lex_body::read(&document, |url| state.outbound.check(url)) {
        Ok(wanted) => wanted,
        Err(violations) => return refuse(Fault::validation(violations), Some(&document)),
    };
    let secret = wanted.secret.map_or(WhoseSecret::Hidden, WhoseSecret::Chosen);
    let birth = LexBirth { id: None, secret, lex_ids: Some(exchange.lex_ids.clone()) };
    match create_subscription(&state, &exchange.owner, wanted.terms, &wanted.url, birth).await {
        Ok((created, _)) => Ok(HttpResponse::Created().json(exchange.write(&created))),
        Err(error) => refuse(error.into(), Some(&document)),
    }
}

/// 200 with the organisation's subscriptions of one status, oldest first: the active ones unless it is said
/// otherwise.
pub async fn list(
    caller: Caller<SubscriptionsManage>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let exchange = Exchange::of(caller.principal);
    let mut query = Query::parse(request.query_string());
    let wanted = query.parsed("status", "must be ACTIVE or PAUSED", |text| {
        matches!(text, "ACTIVE" | "PAUSED").then(|| text.to_owned())
    });
    query.finish()?;
    let wanted = wanted.as_deref().unwrap_or("ACTIVE");
    let listed = list_subscriptions(&state, &exchange.owner, None, Part::OLDEST_FIRST).await?;
    let shown = listed.items.iter().filter(|shown| lex_body::status(shown.state) == wanted);
    let subscriptions: Vec<_> = shown.map(|shown| exchange.write(shown)).collect();
    Ok(HttpResponse::Ok().json(json!({"subscriptions": subscriptions})))
}

/// 200 with one subscription.
pub async fn get(
    caller: Caller<SubscriptionsManage>,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let exchange = Exchange::of(caller.principal);
    let found = exchange.known(&state, &id).await?;
    Ok(HttpResponse::Ok().json(exchange.write(&found)))
}

/// 200 with the subscription as it is then.
pub async fn change(
    caller: Caller<SubscriptionsManage>,
    state: web::Data<State>,
    id: web::Path<String>,
    body: AnyBody,
) -> Result<HttpResponse, HttpFault> {
    let exchange = Exchange::of(caller.principal);
    let known = exchange.known(&state, &id).await?;
    let document = match body {
        Ok(JsonBody(document)) => document,
        Err(HttpFault(fault)) => return refuse(fault, None),
    };
    let change = match lex_body::read_change(&document, |url| state.outbound.check(url)) {
        Ok(change) => change,
        Err(violations) => return refuse(Fault::validation(violations), Some(&document)),
    };
    let url = change.url.as_ref();
    match update_subscription(&state, &exchange.owner, known.id, url, |terms| change.apply(terms)).await {
        Ok(changed) => Ok(HttpResponse::Ok().json(exchange.write(&changed))),
        Err(error) => refuse(error.into(), Some(&document)),
    }
}

/// 204; what was pending is cancelled.
pub async fn delete(
    caller: Caller<SubscriptionsManage>,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let exchange = Exchange::of(caller.principal);
    let deleted = delete_subscription(&state, &exchange.owner, subscription(&id)?).await?;
    if deleted { Ok(HttpResponse::NoContent().finish()) } else { Err(missing("subscription").into()) }
}

/// 200 with the subscription and, this once, its whole new secret, unless the caller chose it.
pub async fn rotate(
    caller: Caller<SubscriptionsManage>,
    state: web::Data<State>,
    id: web::Path<String>,
    OptionalJsonBody(document): OptionalJsonBody,
) -> Result<HttpResponse, HttpFault> {
    let exchange = Exchange::of(caller.principal);
    let known = exchange.known(&state, &id).await?;
    let overlap = fields::overlap(document.as_ref(), "overlapSeconds").map_err(Fault::validation)?;
    let violations = Violations::new();
    let root = document.as_ref().and_then(|document| violations.root(document));
    let chosen = root.and_then(|root| root.nullable("hmacSecret", lex_body::secret));
    let chosen = violations.finish(Some(chosen)).map_err(Fault::validation)?;
    let is_chosen = chosen.is_some();
    let (changed, secret) = rotate_secret(&state, &exchange.owner, known.id, overlap, chosen).await?;
    let mut record = exchange.write(&changed);
    if !is_chosen {
        record["hmacSecret"] = json!(secret.expose_secret());
    }
    Ok(HttpResponse::Ok().json(record))
}

/// 202 with what is recovered, and how much of it is due already.
pub async fn recover_since(
    caller: Caller<SubscriptionsManage>,
    state: web::Data<State>,
    id: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let exchange = Exchange::of(caller.principal);
    let known = exchange.known(&state, &id).await?;
    let wish = fields::wish(&document).map_err(Fault::validation)?;
    let begun = recover(&state, &exchange.owner, known.id, wish).await?;
    let states: Vec<_> = begun.states.iter().map(|state| state.name().to_ascii_uppercase()).collect();
    Ok(HttpResponse::Accepted().json(json!({
        "id": begun.id, "since": begun.since, "until": begun.until, "status": states,
        "recovered": begun.recovered, "done": begun.done,
    })))
}
