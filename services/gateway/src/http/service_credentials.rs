//! `/api/v1/api-clients/{id}/service-credentials`.

use super::fields::{self, name, scopes};
use super::pages::{id, missing};
use super::permissions::{ClientsRead, ClientsWrite};
use crate::domain::client::Client;
use crate::domain::credential::{Credential, NewServiceCredential};
use crate::domain::scopes::is_of_kind;
use crate::state::State;
use crate::usecases::create_service_credential::create_service_credential;
use crate::usecases::read_credentials::{SERVICE_CREDENTIALS, list_credentials};
use crate::usecases::revoke_credential::revoke_credential;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use contracts::identity::CredentialKind;
use contracts::ids::ClientId;
use platform::document::{Violations, text};
use platform::{Fault, Violation};
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
    let new = read(id(&path, "client")?, &document, now).map_err(Fault::validation)?;
    let issued = create_service_credential(&state, &caller.principal, new).await?;
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

fn read(
    client_id: ClientId,
    document: &Value,
    now: DateTime<Utc>,
) -> Result<NewServiceCredential, Vec<Violation>> {
    let violations = Violations::new();
    let new = violations.root(document).and_then(|root| {
        let scope = |value| {
            let scope = text(1..=128)(value)?;
            if is_of_kind(CredentialKind::ServiceJwt, scope) {
                Ok(scope.to_owned())
            } else {
                Err("is not a scope such as acme:leads:write".into())
            }
        };
        let name = root.required("name", name);
        let scopes = root.required("scopes", scopes(scope, 1));
        Some(NewServiceCredential {
            client_id,
            rate_limit_override: fields::rate_limit_override(&root),
            expires_at: fields::expires_at(&root, now),
            name: name?.to_owned(),
            scopes: scopes?,
        })
    });
    violations.finish(new)
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
