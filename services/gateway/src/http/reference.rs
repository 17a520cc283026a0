//! Answers that are the same for everybody: tiers, event types, public keys. And who one is.

use super::permissions::AnyKey;
use crate::domain::client::Tier;
use crate::domain::scopes::{self, ADMIN};
use crate::state::State;
use actix_web::{HttpResponse, web};
use contracts::identity::Principal;
use contracts::webhook_events::WEBHOOK_EVENTS;
use platform_http::{Anyone, Caller};
use serde_json::{Map, Value, json};

/// `GET /api/v1/rate-limits`.
pub async fn rate_limits(_: Caller<AnyKey>) -> HttpResponse {
    let tiers: Map<String, Value> = Tier::ALL
        .into_iter()
        .map(|tier| {
            let [minute, hour, day] = tier.figures();
            let figures =
                json!({"requestsPerMinute": minute, "requestsPerHour": hour, "requestsPerDay": day});
            (tier.as_str().to_ascii_lowercase(), figures)
        })
        .collect();
    HttpResponse::Ok().json(json!({"data": tiers}))
}

/// `GET /api/v1/whoami`: whose key this is and what it may do at this moment.
pub async fn whoami(caller: Caller<AnyKey>) -> HttpResponse {
    let Principal { organization, client_id, credential, scopes, .. } = &caller.principal;
    HttpResponse::Ok().json(json!({
        "organization": {"id": organization.id, "slug": organization.slug},
        "client": {"id": client_id},
        "credential": {"id": credential.id},
        "scopes": scopes,
        "admin": scopes::has(&caller.principal, ADMIN),
    }))
}

/// `GET /api/v1/webhook-events`.
pub async fn webhook_events(_: Caller<AnyKey>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"data": WEBHOOK_EVENTS.as_slice()}))
}

/// `GET /.well-known/jwks.json` (RFC 7517 §5): the keys that sign access tokens. The shared secrets of service
/// JWTs are never among them.
pub async fn jwks(_: Anyone, state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/jwk-set+json")
        .insert_header(("Cache-Control", "public, max-age=300"))
        .body(state.trust.oauth.keys.public().to_string())
}
