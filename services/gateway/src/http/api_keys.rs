//! `/api/v1/api-keys` and `/api/v1/api-clients/{id}/api-keys`.

use super::changes::{Asked, answer, change, make};
use super::fields::{self, name, scopes, texts, word};
use super::pages::{id, missing, newest, paging_of};
use super::permissions::{ClientsRead, ClientsWrite};
use crate::domain::credential::{App, Credential, KeySurface, NewApiKey, NewApp};
use crate::domain::scopes::is_of_kind;
use crate::state::State;
use crate::usecases::create_api_key::create_api_key;
use crate::usecases::read_credentials::{API_KEYS, list_credentials};
use crate::usecases::revoke_credential::revoke_credential;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use contracts::ids::ClientId;
use platform::api_keys::display_prefix;
use platform::document::{Object, Violations, list as list_of, text, uuid};
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Value, json};
use url::Url;

/// 201 with the key, for the only time.
pub async fn post(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    asked: Asked,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    make(&state, &caller.principal, asked, Some(&document), async |change| {
        let new = read(&document, state.clock.now()).map_err(Fault::validation)?;
        let client_id = new.client_id;
        let (credential, key) = create_api_key(change, new).await?;
        let mut body = write(&credential, state.clock.now());
        body["clientId"] = json!(client_id);
        body["key"] = json!(key);
        Ok(answer(StatusCode::CREATED, &body))
    })
    .await
}

/// A page of a client's keys, newest first, without their secrets.
pub async fn list(
    caller: Caller<ClientsRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let client_id = id(&path, "client")?;
    let paging = paging_of(&request)?;
    let found = list_credentials(&state, &caller.principal, client_id, &API_KEYS).await?;
    let (_, keys) = found.ok_or_else(|| missing("client"))?;
    let now = state.clock.now();
    Ok(HttpResponse::Ok().json(newest(&keys, paging, |key| write(key, now))))
}

/// 204; the key works no longer.
pub async fn delete(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let (client_id, key_id) = path.into_inner();
    let (client_id, key_id) = (id(&client_id, "API key")?, id(&key_id, "API key")?);
    let revoked = change(&state, &caller.principal, asked, async |change| {
        Ok(revoke_credential(change, client_id, key_id, &API_KEYS).await?)
    });
    if revoked.await? { Ok(HttpResponse::NoContent().finish()) } else { Err(missing("API key").into()) }
}

fn read(document: &Value, now: DateTime<Utc>) -> Result<NewApiKey, Vec<Violation>> {
    let violations = Violations::new();
    let new = violations.root(document).and_then(|root| {
        let client_id = root.required("clientId", uuid);
        let name = root.required("name", name);
        let surface = if root.has("surface") {
            root.optional("surface", word(KeySurface::WORDS, KeySurface::parse))
        } else {
            Some(KeySurface::Platform)
        };
        let kind = surface.unwrap_or(KeySurface::Platform).kind();
        let scope = |value| {
            let scope = text(1..=128)(value)?;
            if is_of_kind(kind, scope) {
                Ok(scope.to_owned())
            } else {
                Err("is not a scope of this surface".into())
            }
        };
        let scopes = root.nullable("scopes", scopes(scope, 0));
        let app = surface.and_then(|surface| read_app(&root, surface));
        let allowed_origins = root.nullable("allowedOrigins", list_of(1..=50, origin));
        if allowed_origins.is_some() && surface != Some(KeySurface::Crm) {
            root.violation("allowedOrigins", "is for crm keys only");
        }
        Some(NewApiKey {
            expires_at: fields::expires_at(&root, now),
            rate_limit_override: fields::rate_limit_override(&root),
            metadata: fields::metadata(&root),
            client_id: ClientId::new(client_id?),
            surface: surface?,
            name: name?.to_owned(),
            scopes,
            app,
            allowed_origins,
        })
    });
    violations.finish(new)
}

/// `app`: required for ingest keys, refused for others.
fn read_app(root: &Object<'_, '_>, surface: KeySurface) -> Option<NewApp> {
    if surface != KeySurface::Ingest {
        if root.has("app") {
            root.violation("app", "is for ingest keys only");
        }
        return None;
    }
    let app = root.required_object("app")?;
    let slug = app.required("slug", |value| {
        let slug = text(1..=63)(value)?;
        let is_slug = slug.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && slug
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte));
        if is_slug { Ok(slug) } else { Err("must match ^[a-z0-9][a-z0-9_-]*$".into()) }
    });
    let name = app.required("name", name);
    let allowed_event_types = app.nullable("allowedEventTypes", texts(500, 128));
    Some(NewApp { slug: slug?.to_owned(), name: name?.to_owned(), allowed_event_types })
}

/// A web origin (RFC 6454 §6.2), exactly as a browser sends it.
fn origin(value: &Value) -> Result<String, std::borrow::Cow<'static, str>> {
    let given = text(1..=255)(value)?;
    let url = Url::parse(given).or(Err("must be an origin such as https://app.example.com"))?;
    let is_origin = matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == given;
    if is_origin {
        Ok(given.to_owned())
    } else {
        Err("must be an origin such as https://app.example.com".into())
    }
}

/// A key as lists show it.
pub fn write(key: &Credential, now: DateTime<Utc>) -> Value {
    let mut body = json!({
        "id": key.id,
        "keyId": key.lookup,
        "keyPrefix": display_prefix(&key.lookup),
        "name": key.name,
        "status": key.status(now),
        "surface": KeySurface::of_kind(key.kind),
        "lastUsedAt": key.last_used_at,
        "expiresAt": key.expires_at,
        "scopes": key.scopes,
        "rateLimitOverride": key.rate_limit_override,
        "metadata": key.metadata,
        "createdAt": key.created_at,
    });
    if let Some(app) = &key.app {
        body["app"] = write_app(app);
    }
    if let Some(origins) = &key.allowed_origins {
        body["allowedOrigins"] = json!(origins);
    }
    body
}

fn write_app(app: &App) -> Value {
    json!({"id": app.id, "slug": app.slug, "name": app.name, "allowedEventTypes": app.allowed_event_types})
}
