//! Service JWTs at the partner surface: every code, and single use.

use crate::harness::{Harness, Partner, text};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::answer;

/// A token with one claim changed; null takes it out.
fn with(partner: &Partner, now: i64, name: &str, value: Value) -> String {
    let mut claims = partner.claims(now);
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    partner.signed(&claims)
}

/// The token with another header, whose signature then is wrong.
fn reheaded(token: &str, header: &Value) -> String {
    let rest = token.split_once('.').unwrap().1;
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[tokio::test]
async fn each_fault_of_a_token_has_its_code() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    let now = gateway.now();
    let good = partner.token(now);
    let change = |name: &str, value: Value| with(&partner, now, name, value);
    let kid = partner.credential["kid"].clone();
    let cases = [
        (reheaded(&good, &json!({"alg": "none", "kid": kid})), 401, "JWT_ALG_NOT_SUPPORTED"),
        (reheaded(&good, &json!({"alg": "nOnE", "kid": kid})), 401, "JWT_ALG_NOT_SUPPORTED"),
        (reheaded(&good, &json!({"alg": "RS256", "kid": kid})), 401, "JWT_ALG_NOT_SUPPORTED"),
        (reheaded(&good, &json!({"alg": "HS512", "kid": kid})), 401, "JWT_ALG_NOT_SUPPORTED"),
        ("not-a-token".to_owned(), 401, "JWT_INVALID"),
        (partner_like_key(), 401, "JWT_INVALID"),
        (reheaded(&good, &json!({"alg": "HS256", "kid": "kid_unknown"})), 401, "JWT_INVALID"),
        (reheaded(&good, &json!({"alg": "HS256", "kid": "' or 1=1--"})), 401, "JWT_INVALID"),
        (reheaded(&good, &json!({"alg": "HS256", "kid": kid, "crit": ["exp"]})), 401, "JWT_INVALID"),
        (reheaded(&good, &json!({"alg": "HS256", "kid": kid, "typ": "at+jwt"})), 401, "JWT_INVALID"),
        (format!("{good}A"), 401, "JWT_INVALID"),
        (change("jti", Value::Null), 401, "JWT_INVALID"),
        (change("iss", json!("globex")), 401, "JWT_INVALID"),
        (change("aud", json!("elsewhere")), 401, "JWT_INVALID"),
        (change("iat", json!(now + 61)), 401, "JWT_INVALID"),
        (change("exp", json!(now + 901)), 401, "JWT_INVALID"),
        (change("jti", json!("a\u{0}b")), 200, ""),
        (change("scopes", json!(["acme:leads:write", "acme:leads:read"])), 403, "FORBIDDEN"),
        (change("scopes", json!([])), 200, ""),
    ];
    for (token, status, code) in cases {
        let (answered, body) = testkit::read(gateway.submit(&partner, &token).await).await;
        let told = body["error"]["code"].as_str().unwrap_or_default();
        assert_eq!((answered, told), (status, code), "{token}: {body}");
        if status != 200 {
            assert_eq!(body["ok"], false);
        }
    }
    let mut expired = partner.claims(now);
    expired["iat"] = json!(now - 300);
    expired["exp"] = json!(now - 61);
    assert_eq!(gateway.judge(&partner, &partner.signed(&expired)).await, (401, json!("JWT_EXPIRED")));
    let (status, missing) =
        answer(gateway.service.bare(Method::POST, &partner.leads()).json(&json!({}))).await;
    assert_eq!((status, &missing["error"]["code"]), (401, &json!("UNAUTHORIZED")));
    let basic = gateway.service.bare(Method::POST, &partner.leads()).basic_auth("a", Some("b"));
    assert_eq!(answer(basic).await.1["error"]["code"], "UNAUTHORIZED");
    let twice = gateway.with(&good, Method::POST, &partner.leads()).header("authorization", "Bearer x");
    assert_eq!(answer(twice).await.1["error"]["code"], "JWT_INVALID");
}

/// A credential of another surface.
fn partner_like_key() -> String {
    platform::api_keys::new_platform_key().unwrap().key
}

#[tokio::test]
async fn a_token_of_one_partner_does_not_verify_with_anothers_kid() {
    let gateway = Harness::start().await;
    let acme = gateway.partner("acme").await;
    let globex = gateway.partner("globex").await;
    let mut claims = acme.claims(gateway.now());
    claims["kid"] = globex.credential["kid"].clone();
    let forged = reheaded(&acme.signed(&claims), &json!({"alg": "HS256", "kid": globex.credential["kid"]}));
    assert_eq!(gateway.judge(&acme, &forged).await, (401, json!("JWT_INVALID")));
    assert_eq!(
        gateway.judge(&acme, &acme.signed(&claims)).await,
        (401, json!("JWT_INVALID")),
        "the kids differ"
    );
}

#[tokio::test]
async fn of_twenty_uses_of_a_token_at_once_exactly_one_wins() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    let token = partner.token(gateway.now());
    let answers = join_all((0..20).map(|_| gateway.judge(&partner, &token))).await;
    let won = answers.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(won, 1, "{answers:?}");
    assert!(
        answers
            .iter()
            .filter(|(status, _)| *status != 200)
            .all(|answer| *answer == (401, json!("JTI_REPLAY")))
    );
    assert_eq!(gateway.echo.requests(), 1);
}

#[tokio::test]
async fn a_jti_is_single_use_until_its_token_expires_per_credential_and_whatever_else_the_token_says() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let one = gateway.credential(&client, "acme", json!({})).await;
    let two = gateway.credential(&client, "acme", json!({})).await;
    let now = gateway.now();
    let token = |partner: &Partner, now: i64, exp: i64| {
        let mut claims = partner.claims(now);
        claims["jti"] = json!("the-same");
        claims["exp"] = json!(exp);
        partner.signed(&claims)
    };
    assert_eq!(gateway.judge(&one, &token(&one, now, now + 100)).await.0, 200);
    assert_eq!(gateway.judge(&two, &token(&two, now, now + 100)).await.0, 200);
    assert_eq!(gateway.judge(&one, &token(&one, now, now + 200)).await, (401, json!("JTI_REPLAY")));
    gateway.service.process.clock.advance(TimeDelta::seconds(159));
    let now = gateway.now();
    assert_eq!(gateway.judge(&one, &token(&one, now, now + 100)).await, (401, json!("JTI_REPLAY")));
    gateway.service.process.clock.advance(TimeDelta::seconds(3));
    let now = gateway.now();
    assert_eq!(gateway.judge(&one, &token(&one, now, now + 100)).await.0, 200);
}

#[tokio::test]
async fn a_token_that_is_refused_for_another_reason_is_not_used_up() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    let mut claims = partner.claims(gateway.now());
    let good = partner.signed(&claims);
    claims["scopes"] = json!(["acme:webhooks:write"]);
    assert_eq!(gateway.judge(&partner, &partner.signed(&claims)).await, (403, json!("FORBIDDEN")));
    assert_eq!(gateway.judge(&partner, &format!("{good}A")).await, (401, json!("JWT_INVALID")));
    assert_eq!(gateway.judge(&partner, &good).await.0, 200);
    assert_eq!(gateway.judge(&partner, &good).await, (401, json!("JTI_REPLAY")));
}

#[tokio::test]
async fn a_scope_that_the_client_lost_is_lost_to_its_tokens() {
    let gateway = Harness::start().await;
    let partner = gateway.partner("acme").await;
    assert_eq!(gateway.judge(&partner, &partner.token(gateway.now())).await.0, 200);
    sqlx::query("update api_clients set scopes = '{acme:webhooks:read}' where id = $1::text::uuid")
        .bind(text(&partner.credential["subject"]))
        .execute(&gateway.database.pool())
        .await
        .unwrap();
    gateway.let_caches_grow_old();
    assert_eq!(gateway.judge(&partner, &partner.token(gateway.now())).await, (403, json!("FORBIDDEN")));
}
