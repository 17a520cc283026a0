//! What an attacker tries with tokens, keys and headers of his own making.

use crate::harness::{Harness, Partner, text};
use crate::http_oauth::{GRANT, by_basic, told};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use platform::secrets::{decode_key, hmac_sha256};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::{Running, answer, read};
use tokio::net::TcpListener;

/// A token with a header that stands word for word as it is given, signed with the credential's secret.
fn signed(partner: &Partner, header: &str, claims: &Value) -> String {
    let head = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let key = decode_key(text(&partner.credential["secret"])).unwrap();
    format!("{head}.{}", URL_SAFE_NO_PAD.encode(hmac_sha256(&key, head.as_bytes())))
}

fn without_kid(partner: &Partner, now: i64) -> Value {
    let mut claims = partner.claims(now);
    claims.as_object_mut().unwrap().remove("kid");
    claims
}

#[tokio::test]
async fn an_odd_kid_is_refused_in_the_words_of_a_wrong_signature_or_of_a_malformed_header() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    let claims = without_kid(&partner, gateway.now());
    let kid = text(&partner.credential["kid"]);
    let long = "k".repeat(10 * 1024);
    let mut headers: Vec<String> = [
        "",
        "kid_unknown",
        "../../etc/passwd",
        "/dev/null",
        "' or 1=1--",
        "kid\u{0}",
        "kid\r\nX-Leadwire-Identity: forged",
        "%",
        "http://127.0.0.1/",
        "K\u{131}d",
        &kid.to_uppercase(),
        &format!("{kid} "),
        &long,
    ]
    .iter()
    .map(|kid| json!({"alg": "HS256", "kid": kid}).to_string())
    .collect();
    for kid in [json!(null), json!(1), json!(true), json!(["a"]), json!({"a": 1})] {
        headers.push(json!({"alg": "HS256", "kid": kid}).to_string());
    }
    headers.push(format!(r#"{{"alg":"HS256","kid":"{kid}","kid":"{kid}"}}"#));
    headers.push(format!(r#"{{"alg":"HS256","alg":"HS256","kid":"{kid}"}}"#));
    headers.push(r#"{"alg":"HS256"}"#.to_owned());
    for header in &headers {
        let (status, body) = read(gateway.submit(&partner, &signed(&partner, header, &claims)).await).await;
        assert_eq!((status, &body["error"]["code"]), (401, &json!("JWT_INVALID")), "{header}: {body}");
        assert!(!body.to_string().contains("etc/passwd"), "nothing of it is repeated: {body}");
    }
    assert_eq!(gateway.echo.requests(), 0);
    let good = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}}"#);
    assert_eq!(gateway.judge(&partner, &signed(&partner, &good, &claims)).await.0, 200);
}

#[tokio::test]
async fn keys_that_a_token_names_or_brings_along_are_not_looked_at() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys.json", listener.local_addr().unwrap());
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = visits.clone();
    testkit::background(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let kid = text(&partner.credential["kid"]);
    let own_key = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([7; 32]), "alg": "HS256"});
    let extra = json!({"jku": url, "x5u": url, "jwk": own_key, "x5c": ["AAAA"], "x5t": "AAAA"});
    let header = |kid: &str| {
        let mut header = json!({"alg": "HS256", "kid": kid});
        header.as_object_mut().unwrap().append(&mut extra.as_object().unwrap().clone());
        header.to_string()
    };
    let claims = without_kid(&partner, gateway.now());
    // They neither help nor hurt.
    assert_eq!(gateway.judge(&partner, &signed(&partner, &header(kid), &claims)).await.0, 200);
    let mut attacker = Partner { slug: "acme".to_owned(), credential: partner.credential.clone() };
    attacker.credential["secret"] = json!(URL_SAFE_NO_PAD.encode([7; 32]));
    for kid in [kid, "kid_unknown"] {
        let forged = signed(&attacker, &header(kid), &without_kid(&partner, gateway.now()));
        assert_eq!(gateway.judge(&partner, &forged).await, (401, json!("JWT_INVALID")));
        let access = format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header(kid).replace("HS256", "EdDSA")));
        assert_eq!(answer(gateway.with(&access, Method::GET, "/v1/messages/1")).await.0, 401);
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0, "somebody fetched keys");
}

async fn submit_at(replica: &Running, partner: &Partner, token: &str) -> (u16, Value) {
    let request = replica.bare(Method::POST, &partner.leads()).bearer_auth(token).json(&json!({}));
    let (status, body) = answer(request).await;
    (status, body["error"]["code"].clone())
}

#[tokio::test]
async fn a_token_is_used_once_over_all_replicas() {
    let gateway = Harness::start().await;
    let other = gateway.replica(|_| ()).await;
    let client = gateway.client("acme").await;
    let partner = gateway.credential(&client, "acme", json!({"rateLimitOverride": 1000})).await;
    for _ in 0..3 {
        let token = partner.token(gateway.now());
        let uses = (0..10).flat_map(|_| [&gateway.service, &other]);
        let answers = join_all(uses.map(|replica| submit_at(replica, &partner, &token))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(status, _)| *status == 200);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|answer| *answer == (401, json!("JTI_REPLAY"))), "{lost:?}");
    }
}

#[tokio::test]
async fn wrong_secrets_are_counted_over_all_replicas() {
    let gateway = Harness::start().await;
    let other = gateway.replica(|_| ()).await;
    let client = gateway.client("acme").await;
    for attempt in 0.. {
        // Redis tells the time: a minute may end in between.
        assert!(attempt < 3, "not five");
        let oauth = gateway.oauth(&client, json!({})).await;
        let guess = async |at_other: bool| {
            let (id, wrong) = (&oauth["clientId"], json!("wrong"));
            if !at_other {
                return told(by_basic(&gateway, id, &wrong, GRANT)).await.0;
            }
            let request = other.bare(Method::POST, "/oauth/token").basic_auth(text(id), Some("wrong"));
            let request = request.header("content-type", "application/x-www-form-urlencoded").body(GRANT);
            told(request).await.0
        };
        let mut statuses = Vec::new();
        for number in 0..8 {
            statuses.push(guess(number % 2 == 1).await);
        }
        if statuses == [401, 401, 401, 401, 401, 429, 429, 429] {
            return;
        }
    }
}

#[tokio::test]
async fn what_a_client_says_of_itself_in_headers_changes_nothing() {
    let gateway = Harness::start().await;
    let (acme, globex) = (gateway.client("acme").await, gateway.client("globex").await);
    let key = gateway.key(&acme, json!({"surface": "crm"})).await;
    let plain = || gateway.with(text(&key["key"]), Method::GET, "/api/v1/products");
    let (_, honest) = answer(plain()).await;
    let foreign = text(&globex["organizationId"]);
    let mut request = plain();
    for name in ["X-Tenant-Id", "X_Tenant_Id", "X-Organization-Id", "X-User", "X-Internal-Tenant", "X-Scopes"]
    {
        request = request.header(name, foreign);
    }
    let (status, claimed) = answer(request).await;
    assert_eq!(status, 200);
    assert_eq!(claimed["identity"]["caller"], honest["identity"]["caller"]);
    assert_eq!(claimed["identity"]["caller"]["organization"]["id"], acme["organizationId"]);
}
