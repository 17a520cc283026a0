//! `/api/v1/api-clients/{id}/service-credentials`.

use super::fields::{self, name, scopes};
use super::guard::content_length;
use super::pages::{id, missing};
use super::permissions::{ClientsRead, ClientsWrite};
use crate::domain::client::Client;
use crate::domain::credential::{Credential, NewCredential};
use crate::domain::scopes::is_of_kind;
use crate::state::State;
use crate::usecases::create_credential::create_credential;
use crate::usecases::read_credentials::{SERVICE_CREDENTIALS, list_credentials};
use crate::usecases::revoke_credential::revoke_credential;
use crate::usecases::rotate_credential::{Rotation, rotate_credential};
use actix_web::dev::Payload;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::identity::CredentialKind;
use contracts::ids::ClientId;
use futures_util::future::LocalBoxFuture;
use platform::document::{Violations, integer, text};
use platform::{Fault, Violation};
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Value, json};
use std::future::ready;

/// How long a rotated secret works on unless asked otherwise, and at most, in seconds.
const DEFAULT_OVERLAP: i64 = 24 * 3_600;
const MAX_OVERLAP: i64 = 30 * 24 * 3_600;

/// 201 with the secret, for the only time.
pub async fn post(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    path: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let now = state.clock.now();
    let new = read(id(&path, "client")?, CredentialKind::ServiceJwt, &document, now);
    let issued = create_credential(&state, &caller.principal, new.map_err(Fault::validation)?).await?;
    let mut body = write(&issued.credential, &issued.client, &state.trust.audience, now);
    body["secret"] = json!(issued.secret);
    Ok(HttpResponse::Created().insert_header(("Cache-Control", "no-store")).json(body))
}

/// A client's service credentials, without their secrets.
pub async fn list(
    caller: Caller<ClientsRead>,
    state: web::Data<State>,
    path: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let client_id = id(&path, "client")?;
    let found = list_credentials(&state, &caller.principal, client_id, &SERVICE_CREDENTIALS).await?;
    let (client, credentials) = found.ok_or_else(|| missing("client"))?;
    let now = state.clock.now();
    let rows: Vec<_> =
        credentials.iter().map(|credential| write(credential, &client, &state.trust.audience, now)).collect();
    Ok(HttpResponse::Ok().json(json!({"data": rows})))
}

/// 200 with the new `kid` and secret, for the only time.
pub async fn rotate(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
    OptionalBody(document): OptionalBody,
) -> Result<HttpResponse, HttpFault> {
    let rotation = rotation(&path, CredentialKind::ServiceJwt, document.as_ref())?;
    let (issued, retires_at) = rotate_credential(&state, &caller.principal, rotation).await?;
    let mut body = write(&issued.credential, &issued.client, &state.trust.audience, state.clock.now());
    body["secret"] = json!(issued.secret);
    body["previousSecretExpiresAt"] = json!(retires_at);
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(body))
}

/// 204; tokens signed with it are refused from now on.
pub async fn delete(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let (client_id, credential_id) = path.into_inner();
    let (client_id, credential_id) = (id(&client_id, "client")?, id(&credential_id, "credential")?);
    if revoke_credential(&state, &caller.principal, client_id, credential_id, &SERVICE_CREDENTIALS).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(missing("credential").into())
    }
}

/// What a service or OAuth credential is asked to be.
pub fn read(
    client_id: ClientId,
    kind: CredentialKind,
    document: &Value,
    now: DateTime<Utc>,
) -> Result<NewCredential, Vec<Violation>> {
    let violations = Violations::new();
    let new = violations.root(document).and_then(|root| {
        let scope = |value| {
            let scope = text(1..=128)(value)?;
            if is_of_kind(kind, scope) {
                Ok(scope.to_owned())
            } else if kind == CredentialKind::OauthClient {
                Err("is not a scope such as lex:leads:write".into())
            } else {
                Err("is not a scope such as acme:leads:write".into())
            }
        };
        let name = root.required("name", name);
        let scopes = root.required("scopes", scopes(scope, 1));
        Some(NewCredential {
            client_id,
            kind,
            rate_limit_override: fields::rate_limit_override(&root),
            expires_at: fields::expires_at(&root, now),
            name: name?.to_owned(),
            scopes: scopes?,
        })
    });
    violations.finish(new)
}

/// What is to be rotated, and for how long the old secret lives on.
pub fn rotation(
    path: &(String, String),
    kind: CredentialKind,
    document: Option<&Value>,
) -> Result<Rotation, Fault> {
    let (client_id, id) = (id(&path.0, "client")?, id(&path.1, "credential")?);
    let seconds = match document {
        None => None,
        Some(document) => {
            let violations = Violations::new();
            let root = violations.root(document);
            let seconds = root.map(|root| root.nullable("overlapSeconds", integer(0..=MAX_OVERLAP)));
            violations.finish(seconds).map_err(Fault::validation)?
        }
    };
    Ok(Rotation { client_id, id, kind, overlap: TimeDelta::seconds(seconds.unwrap_or(DEFAULT_OVERLAP)) })
}

/// A JSON body that may be left out.
#[derive(Clone, Debug)]
pub struct OptionalBody(pub Option<Value>);

impl FromRequest for OptionalBody {
    type Error = HttpFault;
    type Future = LocalBoxFuture<'static, Result<Self, HttpFault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers();
        if content_length(headers).unwrap_or(0) == 0 && !headers.contains_key(TRANSFER_ENCODING) {
            return Box::pin(ready(Ok(Self(None))));
        }
        let body = JsonBody::from_request(request, payload);
        Box::pin(async move { body.await.map(|JsonBody(document)| Self(Some(document))) })
    }
}

fn write(credential: &Credential, client: &Client, audience: &str, now: DateTime<Utc>) -> Value {
    json!({
        "id": credential.id,
        "name": credential.name,
        "kid": credential.lookup,
        "algorithm": "HS256",
        "issuer": client.organization_slug,
        "audience": audience,
        "subject": client.id,
        "scopes": credential.scopes,
        "rateLimitOverride": credential.rate_limit_override,
        "status": credential.status(now),
        "expiresAt": credential.expires_at,
        "createdAt": credential.created_at,
    })
}
