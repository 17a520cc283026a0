//! What passes between a client and the services behind the gateway, and what does not.

use crate::echo::Echo;
use crate::harness::{Harness, text};
use crate::raw;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::answer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PRODUCTS: &str = "/api/v1/products";

/// A gateway and a CRM key.
async fn with_crm_key() -> (Harness, String) {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let key = text(&gateway.key(&client, json!({"surface": "crm"})).await["key"]).to_owned();
    (gateway, key)
}

#[tokio::test]
async fn headers_of_one_connection_and_claims_about_oneself_stop_at_the_gateway() {
    let (gateway, key) = with_crm_key().await;
    let headers = format!(
        "Authorization: Bearer {key}\r\nConnection: X-Listed, x-leadwire-identity, authorization\r\nX-Listed: 1\r\n\
         Keep-Alive: timeout=9\r\nTE: trailers\r\nTrailer: X\r\nProxy-Authorization: Basic eA==\r\nUpgrade: h2c\r\n\
         X-Leadwire-Identity: forged\r\nX_Leadwire_Identity: forged\r\nX-Leadwire-Tenant: forged\r\n\
         Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 1.1.1.1\r\nX_Forwarded_For: 1.1.1.1\r\nX-Forwarded-Host: evil\r\n\
         X-Real-IP: 1.1.1.1\r\nCookie: a=b\r\nX-Kept: one\r\nX-Kept: two\r\nIdempotency-Key: k-1\r\n\
         X-HTTP-Method-Override: DELETE\r\n"
    );
    let (status, whole) =
        raw::get(gateway.service.url(), "GET", "/api/v1/products?a=%2F..%2f&b=c+d", &headers).await;
    assert_eq!(status, 200, "{whole}");
    let body: Value = serde_json::from_str(&whole[whole.find("\r\n\r\n{").unwrap() + 4..]).unwrap();
    assert_eq!(body["path"], "/api/v1/products?a=%2F..%2f&b=c+d");
    assert_eq!(body["method"], "GET");
    let arrived = body["headers"].as_object().unwrap();
    let mut names: Vec<_> = arrived.keys().map(String::as_str).collect();
    names.sort_unstable();
    // The client library adds `accept: */*`, which says nothing; without telemetry there is no trace.
    names.retain(|name| !["accept", "traceparent"].contains(name));
    let expected = [
        "host",
        "idempotency-key",
        "x-forwarded-for",
        "x-http-method-override",
        "x-kept",
        "x-leadwire-identity",
        "x-request-id",
    ];
    assert_eq!(names, expected);
    assert_eq!(arrived["x-kept"], json!(["one", "two"]));
    assert_eq!(arrived["x-forwarded-for"], json!(["127.0.0.1"]));
    assert_eq!(arrived["x-leadwire-identity"].as_array().unwrap().len(), 1);
    assert_eq!(body["identity"]["caller"]["organization"]["slug"], "acme");
    let lower = whole.to_lowercase();
    assert!(!lower.contains("x-leadwire-anything") && !lower.contains("timeout=5"), "{whole}");
}

#[tokio::test]
async fn a_forged_identity_opens_none_of_the_gateways_own_routes() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({})).await;
    let admin = testkit::callers::key(
        "leadwire",
        contracts::Surface::Platform,
        contracts::identity::CredentialKind::PlatformKey,
        &["platform:admin"],
    );
    let path = "/api/v1/organizations";
    let body = json!({"slug": "evil", "name": "Evil"});
    // Signed with the right key, and ignored all the same.
    let forged = gateway.service.request(&admin, Method::POST, path).json(&body);
    assert_eq!(answer(forged).await.0, 401);
    let forged =
        gateway.service.request(&admin, Method::POST, path).bearer_auth(text(&key["key"])).json(&body);
    assert_eq!(answer(forged).await.0, 403);
}

#[tokio::test]
async fn answers_come_back_as_they_are_errors_included() {
    let (gateway, key) = with_crm_key().await;
    for status in [200, 201, 404, 422, 503] {
        let request = gateway.with(&key, Method::POST, PRODUCTS).header("x-echo-status", status.to_string());
        let response =
            request.header("x-request-id", "kept-by-the-gateway").body("some body").send().await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers()["x-echo-answer"], "yes");
        assert_eq!(response.headers()["x-request-id"], "kept-by-the-gateway");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(response.headers()["x-ratelimit-limit"], "600");
        let types: Vec<_> = response.headers().get_all("content-type").iter().collect();
        assert_eq!(types, ["application/json"]);
        let echoed: Value = response.json().await.unwrap();
        assert_eq!((&echoed["body"], &echoed["method"]), (&json!("some body"), &json!("POST")));
        assert_eq!(echoed["headers"]["x-request-id"], json!(["kept-by-the-gateway"]));
        assert_eq!(echoed["headers"]["content-length"], json!(["9"]));
    }
    let response = gateway.with(&key, Method::DELETE, "/api/v1/products/1").header("x-echo-status", "204");
    assert_eq!(response.send().await.unwrap().status().as_u16(), 204);
    let odd = gateway.with(&key, Method::GET, PRODUCTS).header("x-request-id", "a b\u{1b}[31m");
    let response = odd.send().await;
    if let Ok(response) = response {
        assert_ne!(response.headers()["x-request-id"], "a b\u{1b}[31m");
    }
}

#[tokio::test]
async fn a_replica_that_refuses_connections_is_passed_over() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let clock = platform::clock::Clock::system();
    let second = Echo::start(&clock);
    let gateway = Harness::start_with(|settings| {
        settings.upstreams.crm_resources.insert(0, format!("http://{closed}").parse().unwrap());
        settings.upstreams.crm_resources.push(second.url().parse().unwrap());
        settings.upstreams.ingest = vec![format!("http://{closed}").parse().unwrap()];
    })
    .await;
    let client = gateway.client("acme").await;
    let crm = gateway.key(&client, json!({"surface": "crm"})).await;
    let ingest =
        gateway.key(&client, json!({"surface": "ingest", "app": {"slug": "web", "name": "Web"}})).await;
    for _ in 0..12 {
        let request =
            gateway.with(text(&crm["key"]), Method::POST, PRODUCTS).body("the body survives the first try");
        let (status, echoed) = answer(request).await;
        assert_eq!((status, &echoed["body"]), (200, &json!("the body survives the first try")));
    }
    assert!(gateway.echo.requests() >= 3 && second.requests() >= 3, "both take their turns");
    assert_eq!(gateway.echo.requests() + second.requests(), 12);
    let response = gateway
        .with(text(&ingest["key"]), Method::POST, "/api/v1/ingest/events")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert!(response.headers().contains_key("retry-after"));
    let (status, body) = testkit::read(response).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("unavailable")));
    assert!(!body.to_string().contains(&closed.to_string()));
}

#[tokio::test]
async fn an_exchange_that_breaks_off_is_a_bad_gateway_and_is_not_repeated() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = Harness::start_with(|settings| {
        settings.upstreams.crm_resources = vec![format!("http://{address}").parse().unwrap()];
    })
    .await;
    let client = gateway.client("acme").await;
    let crm = gateway.key(&client, json!({"surface": "crm"})).await;
    let request = gateway.with(text(&crm["key"]), Method::POST, PRODUCTS).body("{}");
    let broken = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 64];
        stream.read_exact(&mut bytes).await.unwrap();
        stream.write_all(b"not http at all\r\n\r\n").await.unwrap();
    };
    let ((status, body), ()) = tokio::join!(answer(request), broken);
    assert_eq!((status, &body["error"]), (502, &json!("unavailable")), "{body}");
}

#[tokio::test]
async fn an_answer_is_passed_on_while_it_is_still_being_written() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = Harness::start_with(|settings| {
        settings.upstreams.crm_resources = vec![format!("http://{address}").parse().unwrap()];
    })
    .await;
    let client = gateway.client("acme").await;
    let crm = gateway.key(&client, json!({"surface": "crm"})).await;
    let request = gateway.with(text(&crm["key"]), Method::GET, PRODUCTS);
    let (first_part, read) = tokio::sync::oneshot::channel::<()>();
    let owner = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = [0; 64];
        stream.read_exact(&mut bytes).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n";
        stream.write_all(head).await.unwrap();
        read.await.unwrap();
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.unwrap();
        stream
    };
    let client = async {
        let mut response = request.send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "first");
        first_part.send(()).unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "second");
        assert_eq!(response.chunk().await.unwrap(), None);
    };
    tokio::join!(owner, client);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_refused_in_the_dialect() {
    let gateway =
        Harness::start_with(|settings| settings.http.body_timeout = Duration::from_millis(300)).await;
    let client = gateway.client("acme").await;
    let crm = text(&gateway.key(&client, json!({"surface": "crm"})).await["key"]).to_owned();
    let admin = gateway.admin_key.clone();
    for (path, bearer) in [(PRODUCTS, &crm), ("/api/v1/organizations", &admin)] {
        for framing in ["Content-Length: 10\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"] {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer {bearer}\r\n{framing}"
            );
            let (status, whole) = raw::exchange(gateway.service.url(), &request).await;
            assert_eq!(status, 400, "{path}: {whole}");
            assert!(whole.contains("did not arrive"), "{whole}");
        }
    }
    assert_eq!(gateway.echo.requests(), 0);
}

#[tokio::test]
async fn only_a_proxy_of_ours_speaks_for_its_clients() {
    let gateway = Harness::start_with(|settings| {
        settings.proxies.trusted = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let request = gateway
        .service
        .bare(Method::GET, "/api/v1/healthz")
        .header("x-forwarded-for", "1.1.1.1, 203.0.113.9");
    let (_, echoed) = answer(request).await;
    assert_eq!(echoed["headers"]["x-forwarded-for"], json!(["203.0.113.9"]));
}
