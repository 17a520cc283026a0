//! `/api/v1/api-clients`.

use super::api_keys;
use super::fields::{self, known_scope, name, redirect_uri, scopes, web_url, word};
use super::pages::{Query, id, missing, page};
use super::permissions::{ClientsRead, ClientsWrite};
use crate::domain::client::{Client, ClientFilter, ClientStatus, NewClient, SortBy, SortOrder, Tier};
use crate::domain::credential::Credential;
use crate::state::State;
use crate::usecases::create_client::create_client;
use crate::usecases::read_clients::{find_client, list_clients};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use contracts::ids::OrganizationId;
use platform::document::{Violations, email, list as list_of, text, uuid};
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Value, json};

/// 201 with the client.
pub async fn post(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let new = read(&document).map_err(Fault::validation)?;
    let client = create_client(&state, &caller.principal, new).await?;
    Ok(HttpResponse::Created().json(write(&client, &[], state.clock.now())))
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
    Ok(HttpResponse::Ok().json(write(&client, &keys, state.clock.now())))
}

fn read(document: &Value) -> Result<NewClient, Vec<Violation>> {
    let violations = Violations::new();
    let new = violations.root(document).and_then(|root| {
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
            metadata: fields::metadata(&root),
            name: name?.to_owned(),
            redirect_uris: redirect_uris?,
            contact_email: contact_email?.to_owned(),
        })
    });
    violations.finish(new)
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

fn write(client: &Client, keys: &[Credential], now: DateTime<Utc>) -> Value {
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
