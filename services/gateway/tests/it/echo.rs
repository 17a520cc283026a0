//! A server that stands for the services behind the gateway: it answers with what it was sent.

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use contracts::Service;
use contracts::identity::IDENTITY_HEADER;
use contracts::internal::{ERASE, Erase, Erased, SUBSCRIPTIONS, Subscriptions};
use contracts::limits::{LIMIT_HEADER, REMAINING_HEADER};
use platform::clock::Clock;
use platform_http::IdentityKey;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use testkit::callers;

/// A running echo.
#[derive(Clone, Debug)]
pub struct Echo {
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    wishes: Wishes,
}

/// Who was asked by whom to forget somebody.
type Wishes = Arc<Mutex<Vec<(Value, Erase)>>>;

#[derive(Clone)]
struct Shared {
    clock: Clock,
    requests: Arc<AtomicUsize>,
    wishes: Wishes,
}

impl Echo {
    pub fn start(clock: &Clock) -> Self {
        let requests = Arc::new(AtomicUsize::new(0));
        let wishes = Wishes::default();
        let shared = Shared { clock: clock.clone(), requests: requests.clone(), wishes: wishes.clone() };
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(shared.clone()))
                .app_data(web::PayloadConfig::new(16 * 1024 * 1024))
                .default_service(web::to(answer))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        testkit::background(async move { server.await.unwrap() });
        Self { address, requests, wishes }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests have arrived.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// The wishes to forget somebody that have arrived, with the identity that they came with.
    pub fn wishes(&self) -> Vec<(Value, Erase)> {
        self.wishes.lock().unwrap().clone()
    }
}

/// Answers with the request; `x-echo-status` chooses the status, `x-echo-limit` and `x-echo-remaining` what it
/// says of a window that it charged more to.
async fn answer(request: HttpRequest, shared: web::Data<Shared>, body: web::Bytes) -> HttpResponse {
    if request.path() == SUBSCRIPTIONS {
        return HttpResponse::Ok().json(Subscriptions { data: Vec::new(), active: 0, total: 0 });
    }
    if request.path() == ERASE {
        assert_eq!(request.headers().get("content-type").unwrap(), "application/json");
        let identity = identity(&request, &shared.clock);
        shared.wishes.lock().unwrap().push((identity, serde_json::from_slice(&body).unwrap()));
        return HttpResponse::Ok().json(Erased { records: 3 });
    }
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let mut headers = Map::new();
    for name in request.headers().keys() {
        let values: Vec<_> = request.headers().get_all(name).map(|value| value.to_str().unwrap()).collect();
        headers.insert(name.to_string(), json!(values));
    }
    let status =
        request.headers().get("x-echo-status").map_or(200, |value| value.to_str().unwrap().parse().unwrap());
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    response
        .insert_header(("x-echo-answer", "yes"))
        .insert_header(("x-leadwire-anything", "1"))
        .insert_header(("keep-alive", "timeout=5"))
        .insert_header(("x-request-id", "made-by-the-echo"))
        .append_header(("set-cookie", "a=1"))
        .append_header(("set-cookie", "b=2"));
    for (asked, given) in [("x-echo-limit", LIMIT_HEADER), ("x-echo-remaining", REMAINING_HEADER)] {
        if let Some(value) = request.headers().get(asked) {
            response.insert_header((given, value.clone()));
        }
    }
    response.json(json!({
        "method": request.method().as_str(),
        "path": request.uri().path_and_query().unwrap().as_str(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
        "identity": identity(&request, &shared.clock),
    }))
}

/// Which service the identity token is for, and who is calling.
fn identity(request: &HttpRequest, clock: &Clock) -> Value {
    let Some(token) = request.headers().get(IDENTITY_HEADER) else { return Value::Null };
    let key = callers::identity_settings().key;
    Service::ALL
        .into_iter()
        .find_map(|service| {
            let key = IdentityKey::parse(service, &key, clock.clone()).unwrap();
            let caller = key.verify(token.to_str().unwrap())?;
            Some(json!({"service": service.name(), "caller": caller}))
        })
        .unwrap_or(Value::Null)
}
