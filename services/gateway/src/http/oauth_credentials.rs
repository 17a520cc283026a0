//! `/api/v1/api-clients/{id}/oauth-credentials`.

use super::pages::{id, missing};
use super::permissions::{ClientsRead, ClientsWrite};
use super::service_credentials::{OptionalBody, read, rotation};
use crate::domain::credential::Credential;
use crate::domain::oauth::client_id;
use crate::state::State;
use crate::usecases::create_credential::create_credential;
use crate::usecases::read_credentials::{OAUTH_CREDENTIALS, list_credentials};
use crate::usecases::revoke_credential::revoke_credential;
use crate::usecases::rotate_credential::rotate_credential;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use contracts::identity::CredentialKind;
use platform::Fault;
use platform_http::{Caller, HttpFault, JsonBody};
use serde_json::{Value, json};

/// 201 with the secret, for the only time.
pub async fn post(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    path: web::Path<String>,
    JsonBody(document): JsonBody,
) -> Result<HttpResponse, HttpFault> {
    let now = state.clock.now();
    let new = read(id(&path, "client")?, CredentialKind::OauthClient, &document, now);
    let issued = create_credential(&state, &caller.principal, new.map_err(Fault::validation)?).await?;
    let mut body = write(&state, &issued.credential, now);
    body["clientSecret"] = json!(issued.secret);
    Ok(HttpResponse::Created().insert_header(("Cache-Control", "no-store")).json(body))
}

/// A client's OAuth credentials, without their secrets.
pub async fn list(
    caller: Caller<ClientsRead>,
    state: web::Data<State>,
    path: web::Path<String>,
) -> Result<HttpResponse, HttpFault> {
    let client_id = id(&path, "client")?;
    let found = list_credentials(&state, &caller.principal, client_id, &OAUTH_CREDENTIALS).await?;
    let (_, credentials) = found.ok_or_else(|| missing("client"))?;
    let now = state.clock.now();
    let rows: Vec<_> = credentials.iter().map(|credential| write(&state, credential, now)).collect();
    Ok(HttpResponse::Ok().json(json!({"data": rows})))
}

/// 200 with the new secret, for the only time; the client id stays.
pub async fn rotate(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
    OptionalBody(document): OptionalBody,
) -> Result<HttpResponse, HttpFault> {
    let rotation = rotation(&path, CredentialKind::OauthClient, document.as_ref())?;
    let (issued, retires_at) = rotate_credential(&state, &caller.principal, rotation).await?;
    let mut body = write(&state, &issued.credential, state.clock.now());
    body["clientSecret"] = json!(issued.secret);
    body["previousSecretExpiresAt"] = json!(retires_at);
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(body))
}

/// 204; its tokens are refused from now on.
pub async fn delete(
    caller: Caller<ClientsWrite>,
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpFault> {
    let (client_id, credential_id) = path.into_inner();
    let (client_id, credential_id) = (id(&client_id, "client")?, id(&credential_id, "credential")?);
    if revoke_credential(&state, &caller.principal, client_id, credential_id, &OAUTH_CREDENTIALS).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(missing("credential").into())
    }
}

fn write(state: &State, credential: &Credential, now: DateTime<Utc>) -> Value {
    json!({
        "id": credential.id,
        "name": credential.name,
        "clientId": client_id(credential.id),
        "tokenEndpoint": state.trust.oauth.token_endpoint(),
        "scopes": credential.scopes,
        "rateLimitOverride": credential.rate_limit_override,
        "status": credential.status(now),
        "expiresAt": credential.expires_at,
        "createdAt": credential.created_at,
    })
}
