//! `/api/v1/api-clients/{id}/service-credentials` and `…/oauth-credentials`: two families that differ in what
//! they show.

use super::changes::{Asked, answer, change, make};
use super::fields::{self, name, scopes};
use super::guard::content_length;
use super::pages::{id, missing, newest, paging_of};
use super::permissions::{ClientsRead, ClientsWrite};
use crate::domain::client::Client;
use crate::domain::credential::{Credential, NewCredential};
use crate::domain::oauth::client_id;
use crate::domain::scopes::is_of_kind;
use crate::state::{State, Trust};
use crate::usecases::create_credential::create_credential;
use crate::usecases::read_credentials::list_credentials;
use crate::usecases::revoke_credential::revoke_credential;
use crate::usecases::rotate_credential::{Rotation, rotate_credential};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
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

/// One of the two.
pub trait Family: 'static {
    const KIND: CredentialKind;
    /// The field that shows the secret, once.
    const SECRET: &'static str;
    /// A scope as an example of what is accepted.
    const SCOPE: &'static str;

    /// A credential as lists show it.
    fn write(trust: &Trust, credential: &Credential, client: &Client, now: DateTime<Utc>) -> Value;
}

/// `…/service-credentials`.
#[derive(Clone, Copy, Debug)]
pub struct ServiceCredentials;

impl Family for ServiceCredentials {
    const KIND: CredentialKind = CredentialKind::ServiceJwt;
    const SECRET: &'static str = "secret";
    const SCOPE: &'static str = "acme:leads:write";

    fn write(trust: &Trust, credential: &Credential, client: &Client, now: DateTime<Utc>) -> Value {
        json!({
            "id": credential.id,
            "name": credential.name,
            "kid": credential.lookup,
            "algorithm": "HS256",
            "issuer": client.organization_slug,
            "audience": trust.audience,
            "subject": client.id,
            "scopes": credential.scopes,
            "rateLimitOverride": credential.rate_limit_override,
            "status": credential.status(now),
            "lastUsedAt": credential.last_used_at,
            "expiresAt": credential.expires_at,
            "createdAt": credential.created_at,
        })
    }
}

/// `…/oauth-credentials`.
#[derive(Clone, Copy, Debug)]
pub struct OauthCredentials;

impl Family for OauthCredentials {
    const KIND: CredentialKind = CredentialKind::OauthClient;
    const SECRET: &'static str = "clientSecret";
    const SCOPE: &'static str = "lex:leads:write";

    fn write(trust: &Trust, credential: &Credential, _: &Client, now: DateTime<Utc>) -> Value {
        json!({
            "id": credential.id,
            "name": credential.name,
            "clientId": client_id(credential.id),
            "tokenEndpoint": trust.oauth.token_endpoint(),
            "scopes": credential.scopes,
            "rateLimitOverride": credential.rate_limit_override,
            "status": credential.status(now),
            "lastUsedAt": credential.last_used_at,
            "expiresAt": credential.expires_at,
            "createdAt": credential.created_at,
        })
    }
}

/// 201 with the secret, for the only time.
pub async fn post<F: Family>(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let client_id = id(&path, "client")?;
    make(&state, &caller.principal, asked, Some(&document), async |change| {
        let now = state.clock.now();
        let new = read::<F>(client_id, &document, now).map_err(Fault::validation)?;
        let issued = create_credential(change, new).await?;
        let mut body = F::write(&state.trust, &issued.credential, &issued.client, now);
        body[F::SECRET] = json!(issued.secret);
        Ok(answer(StatusCode::CREATED, &body))
    })
    .await
}

/// A page of a client's credentials of the family, newest first, without their secrets.
pub async fn list<F: Family>(
    caller: Caller<ClientsRead>,
    state: web::Data<State>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, HttpFault> {
    let client_id = id(&path, "client")?;
    let paging = paging_of(&request)?;
    let found = list_credentials(&state, &caller.principal, client_id, &[F::KIND]).await?;
    let (client, credentials) = found.ok_or_else(|| missing("client"))?;
    let now = state.clock.now();
    let shown = |credential: &_| F::write(&state.trust, credential, &client, now);
    Ok(HttpResponse::Ok().json(newest(&credentials, paging, shown)))
}

/// 200 with the new secret, for the only time; the credential's id stays.
pub async fn rotate<F: Family>(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<(String, String)>,
    OptionalBody(document): OptionalBody,
) -> Result<HttpResponse, HttpFault> {
    let (client_id, credential_id) = (id(&path.0, "credential")?, id(&path.1, "credential")?);
    make(&state, &caller.principal, asked, document.as_ref(), async |change| {
        let overlap = overlap(document.as_ref()).map_err(Fault::validation)?;
        let rotation = Rotation { client_id, id: credential_id, kind: F::KIND, overlap };
        let (issued, retires_at) = rotate_credential(change, rotation).await?;
        let mut body = F::write(&state.trust, &issued.credential, &issued.client, state.clock.now());
        body[F::SECRET] = json!(issued.secret);
        body["previousSecretExpiresAt"] = json!(retires_at);
        Ok(answer(StatusCode::OK, &body))
    })
    .await
}

/// 204; whatever it signed or was exchanged for is refused from now on.
pub async fn delete<F: Family>(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    asked: Asked,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let (client_id, credential_id) = (id(&path.0, "credential")?, id(&path.1, "credential")?);
    let revoked = change(&state, &caller.principal, asked, async |change| {
        Ok(revoke_credential(change, client_id, credential_id, &[F::KIND]).await?)
    });
    if revoked.await? { Ok(HttpResponse::NoContent().finish()) } else { Err(missing("credential").into()) }
}

fn read<F: Family>(
    client_id: ClientId,
    document: &Value,
    now: DateTime<Utc>,
) -> Result<NewCredential, Vec<Violation>> {
    let violations = Violations::new();
    let new = violations.root(document).and_then(|root| {
        let scope = |value| {
            let scope = text(1..=128)(value)?;
            if is_of_kind(F::KIND, scope) {
                Ok(scope.to_owned())
            } else {
                Err(format!("is not a scope such as {}", F::SCOPE).into())
            }
        };
        let name = root.required("name", name);
        let scopes = root.required("scopes", scopes(scope, 1));
        Some(NewCredential {
            client_id,
            kind: F::KIND,
            rate_limit_override: fields::rate_limit_override(&root),
            expires_at: fields::expires_at(&root, now),
            name: name?.to_owned(),
            scopes: scopes?,
        })
    });
    violations.finish(new)
}

/// For how long the old secret lives on.
fn overlap(document: Option<&Value>) -> Result<TimeDelta, Vec<Violation>> {
    let violations = Violations::new();
    let seconds = match document {
        None => Some(DEFAULT_OVERLAP),
        Some(document) => violations
            .root(document)
            .map(|root| root.nullable("overlapSeconds", integer(0..=MAX_OVERLAP)).unwrap_or(DEFAULT_OVERLAP)),
    };
    violations.finish(seconds).map(TimeDelta::seconds)
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
