//! A server that stands for webhook-dispatcher's internal side: it knows the subscriptions of clients.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use contracts::Service;
use contracts::identity::{Caller, IDENTITY_HEADER};
use contracts::internal::{SUBSCRIPTIONS, Subscriptions};
use platform::clock::Clock;
use platform_http::IdentityKey;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use testkit::callers;
use url::Url;

/// A running stand-in.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    pub url: Url,
    status: Arc<AtomicU16>,
}

#[derive(Clone)]
struct Shared {
    clock: Clock,
    status: Arc<AtomicU16>,
}

impl Dispatcher {
    pub fn start(clock: &Clock) -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let shared = Shared { clock: clock.clone(), status: status.clone() };
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(shared.clone()))
                .route(SUBSCRIPTIONS, web::get().to(subscriptions))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let url = format!("http://{}", server.addrs()[0]).parse().unwrap();
        let server = server.run();
        testkit::background(async move { server.await.unwrap() });
        Self { url, status }
    }

    /// Lets it answer with another status than 200.
    pub fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// What it says of every client.
    pub fn known(client: &Value) -> Value {
        let url = format!("https://example.com/{}", client.as_str().unwrap());
        json!([{
            "id": "77777777-7777-4777-8777-777777777777", "url": url, "events": ["lead.created"],
            "status": "ACTIVE", "createdAt": "2026-01-15T10:00:00Z", "_count": {"deliveries": 7},
        }])
    }
}

async fn subscriptions(
    request: HttpRequest,
    shared: web::Data<Shared>,
    query: web::Query<HashMap<String, String>>,
) -> HttpResponse {
    let key = callers::identity_settings().key;
    let key = IdentityKey::parse(Service::WebhookDispatcher, &key, shared.clock.clone()).unwrap();
    let token = request.headers().get(IDENTITY_HEADER).unwrap().to_str().unwrap();
    assert_eq!(key.verify(token), Some(Caller::Service { name: "gateway".to_owned() }));
    let status = shared.status.load(Ordering::SeqCst);
    if status != 200 {
        return HttpResponse::build(status.try_into().unwrap()).finish();
    }
    let Value::Array(data) = Dispatcher::known(&json!(query["client"])) else { unreachable!() };
    assert!(query.contains_key("organization"));
    HttpResponse::Ok().json(Subscriptions { data, active: 3, total: 5 })
}
