//! webhook-receiver.rs: takes webhooks, and believes those that are signed.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "small, with its setting in the environment"
)]

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use standardwebhooks::Webhook;
use std::collections::HashSet;
use std::sync::Mutex;

struct Receiver {
    webhook: Webhook,
    seen: Mutex<HashSet<String>>,
}

async fn hooks(receiver: web::Data<Receiver>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        if let Ok(value) = HeaderValue::from_str(text(name)) {
            headers.insert(name, value);
        }
    }
    if let Err(error) = receiver.webhook.verify(&body, &headers) {
        return HttpResponse::Unauthorized().body(error.to_string());
    }
    let event: Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_new = receiver.seen.lock().is_ok_and(|mut seen| seen.insert(text("webhook-id").to_owned()));
    if is_new {
        println!("Rust: {} is genuine", event["eventType"].as_str().unwrap_or_default());
    }
    HttpResponse::NoContent().finish()
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let webhook = Webhook::new(&std::env::var("WEBHOOK_SECRET")?)?;
    let receiver = web::Data::new(Receiver { webhook, seen: Mutex::default() });
    let app = move || App::new().app_data(receiver.clone()).default_service(web::post().to(hooks));
    HttpServer::new(app).workers(1).bind(("127.0.0.1", 9923))?.run().await?;
    Ok(())
}
