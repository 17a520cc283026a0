//! `/api/v1/api-clients`.

use super::api_keys;
use super::changes::{Asked, answer, change, make};
use super::fields::{self, known_scope, name, redirect_uri, scopes, web_url, word};
use super::pages::{Query, id, missing, page};
use super::permissions::{ClientsRead, ClientsWrite};
use crate::domain::client::{Client, ClientFilter, ClientStatus, NewClient, SortBy, SortOrder, Tier};
use crate::domain::credential::Credential;
use crate::state::State;
use crate::usecases::create_client::create_client;
use crate::usecases::read_clients::{find_client, list_clients};
use crate::usecases::read_subscriptions::subscriptions_if_known;
use crate::usecases::update_client::{delete_client, update_client};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use contracts::ids::OrganizationId;
use platform::document::{Object, Violations, email, list as list_of, text, uuid};
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Value, json};

/// 201 with the client.
pub async fn post(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    asked: Asked,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    make(&state, &caller.principal, asked, Some(&document), async |change| {
        let violations = Violations::new();
        let new = violations.root(&document).and_then(|root| read(&root));
        let client = create_client(change, violations.finish(new).map_err(Fault::validation)?).await?;
        Ok(answer(StatusCode::CREATED, &write(&client, &[], state.clock.now())))
    })
    .await
}

/// 200 with the client, in which the fields of the body have taken the place of those of the same name.
pub async fn put(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let client_id = id(&path, "client")?;
    let (client, keys) = change(&state, &caller.principal, asked, async |change| {
        Ok(update_client(change, client_id, |current| edited(current, &document)).await?)
    })
    .await?;
    Ok(whole(&state, &client, &keys).await)
}

/// 204; its keys and credentials work no longer, its webhooks end.
pub async fn delete(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let client_id = id(&path, "client")?;
    change(&state, &caller.principal, asked, async |change| Ok(delete_client(change, client_id).await?))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A page of clients, filtered and sorted.
pub async fn list(
    caller: Caller<ClientsRead>,
    state: web::Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let mut query = Query::parse(request.query_string());
    let filter = ClientFilter {
        status: query.word("status", ClientStatus::WORDS, ClientStatus::parse),
        tier: query.word("rateLimitTier", Tier::WORDS, Tier::parse),
        contact_email: query.text("contactEmail"),
        search: query.text("search"),
    };
    let sort_by = query.word("sortBy", SortBy::WORDS, SortBy::parse).unwrap_or(SortBy::CreatedAt);
    let sort_order = query.word("sortOrder", SortOrder::WORDS, SortOrder::parse).unwrap_or(SortOrder::Desc);
    let paging = query.paging();
    query.finish()?;
    let sorting = (sort_by, sort_order);
    let (rows, total) = list_clients(&state, &caller.principal, &filter, sorting, paging).await?;
    Ok(HttpResponse::Ok().json(page(&rows.iter().map(write_row).collect::<Vec<_>>(), total, paging)))
}

/// One client with its keys.
pub async fn get(
    caller: Caller<ClientsRead>,
    state: web::Data<State>,
    path: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let found = find_client(&state, &caller.principal, id(&path, "client")?).await?;
    let (client, keys) = found.ok_or_else(|| missing("client"))?;
    Ok(whole(&state, &client, &keys).await)
}

/// A client with all that belongs to it.
async fn whole(state: &State, client: &Client, keys: &[Credential]) -> HttpResponse {
    let mut body = write(client, keys, state.clock.now());
    body["webhookSubscriptions"] = json!(subscriptions_if_known(state, client).await.map(|known| known.data));
    HttpResponse::Ok().json(body)
}

fn read(root: &Object<'_, '_>) -> Option<NewClient> {
    let name = root.required("name", name);
    let redirect_uris = root.required("redirectUris", list_of(0..=50, redirect_uri));
    let contact_email = root.required("contactEmail", email(255));
    let url = |name| root.nullable(name, web_url).map(str::to_owned);
    Some(NewClient {
        organization_id: root.nullable("organizationId", uuid).map(OrganizationId::new),
        description: root.nullable("description", text(0..=2000)).map(str::to_owned),
        website: url("website"),
        logo_url: url("logoUrl"),
        tier: root.nullable("rateLimitTier", word(Tier::WORDS, Tier::parse)).unwrap_or(Tier::Standard),
        webhook_url: url("webhookUrl"),
        scopes: root.nullable("scopes", scopes(known_scope, 0)),
        metadata: fields::metadata(root),
        name: name?.to_owned(),
        redirect_uris: redirect_uris?,
        contact_email: contact_email?.to_owned(),
    })
}

/// What a client is after an update: its present state with the body's fields in place of its own, read like
/// a new one. What cannot be changed (`id`, `createdAt`) is ignored.
fn edited(current: &Client, document: &Value) -> Result<Client, Vec<Violation>> {
    let mut whole = write(current, &[], current.created_at);
    if let (Value::Object(whole), Value::Object(given)) = (&mut whole, document) {
        whole.extend(given.clone());
    } else {
        whole = document.clone();
    }
    let violations = Violations::new();
    let updated = violations.root(&whole).and_then(|root| {
        let new = read(&root);
        let status = root.required("status", word(ClientStatus::WORDS, ClientStatus::parse));
        let new = new?;
        if new.organization_id != Some(current.organization_id) {
            root.violation("organizationId", "cannot be changed");
        }
        Some(Client {
            name: new.name,
            description: new.description,
            redirect_uris: new.redirect_uris,
            website: new.website,
            logo_url: new.logo_url,
            contact_email: new.contact_email,
            status: status?,
            tier: new.tier,
            webhook_url: new.webhook_url,
            scopes: new.scopes,
            metadata: new.metadata,
            ..current.clone()
        })
    });
    violations.finish(updated)
}

fn write_row(client: &Client) -> Value {
    json!({
        "id": client.id,
        "organizationId": client.organization_id,
        "name": client.name,
        "status": client.status,
        "rateLimitTier": client.tier,
        "contactEmail": client.contact_email,
        "createdAt": client.created_at,
    })
}

/// A client with its keys.
pub fn write(client: &Client, keys: &[Credential], now: DateTime<Utc>) -> Value {
    json!({
        "id": client.id,
        "organizationId": client.organization_id,
        "name": client.name,
        "description": client.description,
        "redirectUris": client.redirect_uris,
        "website": client.website,
        "logoUrl": client.logo_url,
        "contactEmail": client.contact_email,
        "status": client.status,
        "rateLimitTier": client.tier,
        "webhookUrl": client.webhook_url,
        "webhookSecret": null,
        "scopes": client.scopes,
        "metadata": client.metadata,
        "createdAt": client.created_at,
        "updatedAt": client.updated_at,
        "apiKeys": keys.iter().map(|key| api_keys::write(key, now)).collect::<Vec<_>>(),
        "webhookSubscriptions": [],
    })
}
