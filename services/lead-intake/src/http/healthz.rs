//! `GET /api/v1/healthz`: open, for monitors.

use crate::state::State;
use crate::usecases::check_health::check_health;
use actix_web::{HttpResponse, web};
use platform_http::{Anyone, edge::Final};
use serde_json::json;

/// 200 when every check passes, 503 with the names of those that do not.
pub async fn get(_: Anyone, state: web::Data<State>) -> HttpResponse {
    let health = check_health(&state).await;
    let checks = [
        ("db", health.db),
        ("redis", health.redis),
        ("partitions_provisioned", health.partitions_provisioned),
    ];
    let failed: Vec<_> = checks.iter().filter(|(_, passed)| !passed).map(|(name, _)| *name).collect();
    if failed.is_empty() {
        let checks: serde_json::Map<_, _> =
            checks.into_iter().map(|(name, passed)| (name.to_owned(), json!(passed))).collect();
        return HttpResponse::Ok()
            .json(json!({"ok": true, "build": env!("CARGO_PKG_VERSION"), "checks": checks}));
    }
    let mut response = HttpResponse::ServiceUnavailable().json(json!({"ok": false, "failed_checks": failed}));
    response.extensions_mut().insert(Final);
    response
}
