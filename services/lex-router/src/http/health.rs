//! `GET /v1/health`: whether the surface answers. What it needs is the business of the ops port.

use super::answer::time;
use crate::state::State;
use actix_web::{HttpResponse, web};
use platform_http::Anyone;
use serde_json::json;

/// The version of the contract.
const VERSION: &str = "1.0.0";

pub async fn get(_: Anyone, state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok", "version": VERSION, "timestamp": time(state.clock.now())}))
}
