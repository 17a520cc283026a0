//! OAuth: credentials, the token endpoint, access tokens at the lex surface, keys and metadata.

use crate::harness::{Harness, ISSUER, SIGNING_KEY, text};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::{Asked, answer};

pub const GRANT: &str = "grant_type=client_credentials";
const OTHER_KEY: &str = "second:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

fn form(gateway: &Harness, body: &str) -> Asked {
    let request = gateway.service.bare(Method::POST, "/oauth/token");
    request.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned())
}

pub fn by_basic(gateway: &Harness, id: &Value, secret: &Value, body: &str) -> Asked {
    form(gateway, body).basic_auth(text(id), secret.as_str())
}

pub async fn told(request: Asked) -> (u16, HeaderMap, Value) {
    let response = request.send().await.unwrap();
    let headers = response.headers().clone();
    let (status, body) = testkit::read(response).await;
    (status, headers, body)
}

/// Calls the lex surface: the status and the body.
pub async fn call(gateway: &Harness, token: &str) -> (u16, Value) {
    answer(gateway.with(token, Method::GET, "/v1/messages/1")).await
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A PKCS#8 document of a seed, as RFC 8410 §7 has it.
fn signing(key: &str) -> EncodingKey {
    let seed = URL_SAFE_NO_PAD.decode(key.split_once(':').unwrap().1).unwrap();
    let prefix = STANDARD.decode("MC4CAQAwBQYDK2VwBCIEIA==").unwrap();
    EncodingKey::from_ed_der(&[prefix, seed].concat())
}

fn signed(header: &Header, claims: &Value) -> String {
    jsonwebtoken::encode(header, claims, &signing(SIGNING_KEY)).unwrap()
}

fn header() -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    (header.typ, header.kid) = (Some("at+jwt".to_owned()), Some("first".to_owned()));
    header
}

#[tokio::test]
async fn a_credential_is_exchanged_for_a_token_that_reaches_the_lex_router() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let oauth = gateway.oauth(&client, json!({})).await;
    assert_eq!(
        (&oauth["tokenEndpoint"], &oauth["status"], &oauth["scopes"]),
        (
            &json!(format!("{ISSUER}/oauth/token")),
            &json!("ACTIVE"),
            &json!(["lex:leads:write", "lex:leads:read"])
        )
    );
    let (id, secret) = (&oauth["clientId"], &oauth["clientSecret"]);
    let in_body = format!("{GRANT}&client_id={}&client_secret={}", text(id), text(secret));
    for request in [by_basic(&gateway, id, secret, GRANT), form(&gateway, &in_body)] {
        let (status, headers, body) = told(request).await;
        assert_eq!(status, 200, "{body}");
        assert!(headers["cache-control"] == "no-store" && headers["pragma"] == "no-cache");
        assert_eq!(
            (&body["token_type"], &body["expires_in"], &body["scope"]),
            (&json!("Bearer"), &json!(900), &json!("lex:leads:write lex:leads:read"))
        );
        let token = text(&body["access_token"]);
        assert_eq!(part(token, 0), json!({"typ": "at+jwt", "alg": "EdDSA", "kid": "first"}));
        let claims = part(token, 1);
        let now = gateway.now();
        assert_eq!(
            claims,
            json!({
                "iss": ISSUER, "sub": id, "aud": "leadwire", "exp": now + 900, "iat": now,
                "jti": claims["jti"], "client_id": id, "scope": "lex:leads:write lex:leads:read",
            })
        );
        let response =
            gateway.with(token, Method::POST, "/v1/messages").json(&json!({})).send().await.unwrap();
        assert_eq!(response.headers()["x-ratelimit-limit"], "1000");
        let (status, echoed) = testkit::read(response).await;
        assert_eq!((status, &echoed["identity"]["service"]), (200, &json!("lex-router")));
        let caller = &echoed["identity"]["caller"];
        assert_eq!((&caller["surface"], &caller["client_id"]), (&json!("lex"), &client["id"]));
        assert_eq!(caller["organization"]["slug"], "acme");
        assert_eq!(caller["credential"], json!({"id": oauth["id"], "kind": "oauth_client"}));
        assert_eq!(caller["scopes"], oauth["scopes"]);
        for path in
            ["/api/v1/partners/acme/leads", "/api/v1/products", "/api/v1/ingest/ping", "/api/v1/rate-limits"]
        {
            assert_eq!(answer(gateway.with(token, Method::GET, path)).await.0, 401, "{path}");
        }
    }
    // No other credential opens the lex surface, and the secret itself is no token.
    for other in [text(secret), gateway.admin_key.as_str()] {
        let (status, body) = call(&gateway, other).await;
        assert_eq!((status, &body["error"]), (401, &json!("UNAUTHORIZED")));
    }
}

#[tokio::test]
async fn a_token_has_the_scopes_that_are_asked_for_and_that_are_still_held() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let oauth = gateway.oauth(&client, json!({})).await;
    let ask = async |scope: &str| {
        let body = format!("{GRANT}&scope={scope}");
        told(by_basic(&gateway, &oauth["clientId"], &oauth["clientSecret"], &body)).await
    };
    let (_, _, narrow) = ask("lex:leads:read").await;
    assert_eq!(narrow["scope"], "lex:leads:read");
    let (_, echoed) = call(&gateway, text(&narrow["access_token"])).await;
    assert_eq!(echoed["identity"]["caller"]["scopes"], json!(["lex:leads:read"]));
    assert_eq!(ask("").await.0, 200);
    for more in ["lex:conformance", "lex:leads:read+platform:admin", "nonsense"] {
        let (status, _, body) = ask(more).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_scope")), "{more}");
    }
    // The client's ceiling comes down after the token was made.
    let wide = gateway.access_token(&oauth).await;
    sqlx::query("update api_clients set scopes = '{lex:leads:write}' where name <> 'Administration'")
        .execute(&gateway.database.pool())
        .await
        .unwrap();
    gateway.let_caches_grow_old();
    let (_, echoed) = call(&gateway, &wide).await;
    assert_eq!(echoed["identity"]["caller"]["scopes"], json!(["lex:leads:write"]));
    assert_eq!(ask("lex:leads:read").await.0, 400);
}

#[tokio::test]
async fn every_refusal_of_the_token_endpoint_is_one_of_rfc_6749() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let oauth = gateway.oauth(&client, json!({})).await;
    let other = gateway.oauth(&client, json!({})).await;
    let (id, secret) = (&oauth["clientId"], &oauth["clientSecret"]);
    let pair = format!("client_id={}&client_secret={}", text(id), text(secret));
    let basic = |body: &str| by_basic(&gateway, id, secret, body);
    let in_query = gateway
        .service
        .bare(Method::POST, &format!("/oauth/token?{pair}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(GRANT);
    for (request, status, code) in [
        (basic(""), 400, "invalid_request"),
        (basic(&format!("{GRANT}&{GRANT}")), 400, "invalid_request"),
        (basic(&format!("{GRANT}&{pair}")), 400, "invalid_request"),
        (basic(&format!("{GRANT}&client_id={}", text(&other["clientId"]))), 400, "invalid_request"),
        (basic(&format!("{GRANT}&x={}", "a".repeat(20_000))), 400, "invalid_request"),
        (basic(GRANT).header("content-encoding", "gzip"), 400, "invalid_request"),
        (basic(GRANT).header("authorization", "Basic YTpi"), 400, "invalid_request"),
        (in_query, 400, "invalid_request"),
        (
            gateway
                .service
                .bare(Method::POST, "/oauth/token")
                .json(&json!({"grant_type": "client_credentials"})),
            400,
            "invalid_request",
        ),
        (basic("grant_type=authorization_code&code=1"), 400, "unsupported_grant_type"),
        (basic(&format!("{GRANT}&scope=lex:everything")), 400, "invalid_scope"),
        (form(&gateway, GRANT), 401, "invalid_client"),
        (form(&gateway, GRANT).bearer_auth(&gateway.admin_key), 401, "invalid_client"),
        (form(&gateway, GRANT).header("authorization", "Basic !!!"), 401, "invalid_client"),
        (by_basic(&gateway, id, &other["clientSecret"], GRANT), 401, "invalid_client"),
        (by_basic(&gateway, &oauth["id"], secret, GRANT), 401, "invalid_client"),
        (by_basic(&gateway, &json!("' or 1=1--"), secret, GRANT), 401, "invalid_client"),
    ] {
        let (got, headers, body) = told(request).await;
        assert_eq!((got, &body["error"]), (status, &json!(code)), "{body}");
        let members: Vec<_> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["error", "error_description"]);
        assert!(headers["cache-control"] == "no-store" && headers["pragma"] == "no-cache");
        assert_eq!(headers.contains_key("www-authenticate"), status == 401);
        if status == 401 {
            assert!(headers["www-authenticate"].to_str().unwrap().starts_with("Basic "));
        }
        assert!(headers.contains_key("x-request-id") && !body.to_string().contains(text(secret)));
    }
    // What the guard refuses speaks the dialect of the path.
    let (status, headers, body) = told(gateway.service.bare(Method::GET, "/oauth/token")).await;
    assert_eq!(
        (status, &headers["allow"], &body["error"]),
        (405, &"POST".parse().unwrap(), &json!("METHOD_NOT_ALLOWED"))
    );
    assert_eq!(told(basic(GRANT)).await.0, 200);
}

#[tokio::test]
async fn an_unknown_client_is_told_what_a_wrong_secret_is_told() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let oauth = gateway.oauth(&client, json!({})).await;
    let unknown = json!(format!("oauth_{}", testkit::unique_id().simple()));
    let wrong = told(by_basic(&gateway, &oauth["clientId"], &json!("wrong"), GRANT)).await;
    let nobody = told(by_basic(&gateway, &unknown, &oauth["clientSecret"], GRANT)).await;
    assert_eq!((wrong.0, wrong.2), (nobody.0, nobody.2));
}

#[tokio::test]
async fn five_wrong_secrets_a_minute_are_answered_and_then_nothing_is() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    for attempt in 0.. {
        // Redis tells the time: a minute may end in between.
        assert!(attempt < 3, "no limit");
        let oauth = gateway.oauth(&client, json!({})).await;
        let (id, secret) = (&oauth["clientId"], &oauth["clientSecret"]);
        let guesses = join_all((0..9).map(|_| told(by_basic(&gateway, id, &json!("wrong"), GRANT)))).await;
        if guesses.iter().filter(|(status, ..)| *status == 401).count() != 5 {
            continue;
        }
        let right = told(by_basic(&gateway, id, secret, GRANT)).await;
        if right.0 != 429 {
            continue;
        }
        for (status, headers, body) in guesses.iter().chain([&right]).filter(|(status, ..)| *status != 401) {
            assert_eq!((*status, &body["error"]), (429, &json!("invalid_client")));
            assert!((1..=60).contains(&headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap()));
            assert_eq!(headers["cache-control"], "no-store");
        }
        // Another client is not concerned.
        gateway.access_token(&gateway.oauth(&client, json!({})).await).await;
        return;
    }
}

#[tokio::test]
async fn a_token_that_is_not_ours_word_for_word_is_refused() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let oauth = gateway.oauth(&client, json!({})).await;
    let good = gateway.access_token(&oauth).await;
    let claims = part(&good, 1);
    let now = gateway.now();
    let change = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    assert_eq!(call(&gateway, &signed(&header(), &claims)).await.0, 200);
    let mut typ = header();
    typ.typ = Some("application/AT+JWT".to_owned());
    assert_eq!(call(&gateway, &signed(&typ, &claims)).await.0, 200);
    assert_eq!(call(&gateway, &signed(&header(), &change("exp", json!(now - 29)))).await.0, 200);

    let mut bad: Vec<String> = ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope"]
        .iter()
        .map(|name| signed(&header(), &without(name)))
        .collect();
    for (name, value) in [
        ("iss", json!("https://api.example.com/")),
        ("aud", json!("other")),
        ("aud", json!(7)),
        ("exp", json!(now - 31)),
        ("exp", json!("tomorrow")),
        ("iat", json!(now + 31)),
        ("client_id", oauth["id"].clone()),
        ("client_id", json!("oauth_00000000000000000000000000000000")),
    ] {
        bad.push(signed(&header(), &change(name, value)));
    }
    for (typ, kid) in [
        (Some("JWT"), Some("first")),
        (None, Some("first")),
        (Some("at+jwt"), Some("second")),
        (Some("at+jwt"), Some("")),
        (Some("at+jwt"), None),
    ] {
        let mut header = header();
        (header.typ, header.kid) = (typ.map(str::to_owned), kid.map(str::to_owned));
        bad.push(signed(&header, &claims));
    }
    // Signed with another key under the id of ours.
    bad.push(jsonwebtoken::encode(&header(), &claims, &signing(OTHER_KEY)).unwrap());
    // The public key as the secret of an HMAC.
    let (_, keys) = answer(gateway.service.bare(Method::GET, "/.well-known/jwks.json")).await;
    let public = URL_SAFE_NO_PAD.decode(text(&keys["keys"][0]["x"])).unwrap();
    let mut hmac = header();
    hmac.alg = Algorithm::HS256;
    bad.push(jsonwebtoken::encode(&hmac, &claims, &EncodingKey::from_secret(&public)).unwrap());
    // Other headers and claims under the old signature.
    let mut parts = good.split('.');
    let (head, payload, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let coded = |value: &str| URL_SAFE_NO_PAD.encode(value);
    bad.push(format!("{head}.{}.{signature}", coded(&change("scope", json!("lex:conformance")).to_string())));
    bad.push(format!("{}.{payload}.{signature}", coded(r#"{"typ":"at+jwt","alg":"none","kid":"first"}"#)));
    bad.push(format!("{}.{payload}.", coded(r#"{"typ":"at+jwt","alg":"none","kid":"first"}"#)));
    bad.push(format!("{head}.{payload}."));
    bad.push(format!("{head}.{payload}"));
    bad.push(format!(
        "{}.{payload}.{signature}",
        coded(r#"{"typ":"at+jwt","alg":"EdDSA","kid":"first","kid":"first"}"#)
    ));
    // Understood by nobody, and signed by us.
    let mut crit = header();
    crit.crit = Some(vec!["exp".to_owned()]);
    bad.push(signed(&crit, &claims));
    bad.push("x".repeat(9_000));
    for token in bad {
        let (status, body) = call(&gateway, &token).await;
        assert_eq!((status, &body["error"]), (401, &json!("UNAUTHORIZED")), "{token}");
    }
    gateway.service.process.clock.advance(TimeDelta::seconds(931));
    assert_eq!(call(&gateway, &good).await.0, 401);
}

#[tokio::test]
async fn a_token_ends_with_its_credential_and_rests_with_its_client() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let path = format!("/api/v1/api-clients/{}/oauth-credentials", text(&client["id"]));
    let oauth = gateway.oauth(&client, json!({})).await;
    // The list is in the order of creation.
    gateway.service.process.clock.advance(TimeDelta::seconds(1));
    let soon = gateway.service.process.clock.now() + TimeDelta::minutes(2);
    let expiring = gateway.oauth(&client, json!({"expiresAt": soon})).await;
    let (token, short) = (gateway.access_token(&oauth).await, gateway.access_token(&expiring).await);
    assert_eq!(part(&short, 1)["exp"], json!(soon.timestamp()));
    let exchange = async |oauth: &Value| {
        let (status, _, body) =
            told(by_basic(&gateway, &oauth["clientId"], &oauth["clientSecret"], GRANT)).await;
        (status, body["error"].clone())
    };

    let pool = gateway.database.pool();
    let suspend = async |status: &str| {
        let statement = "update api_clients set status = $1 where name <> 'Administration'";
        sqlx::query(statement).bind(status).execute(&pool).await.unwrap();
        gateway.let_caches_grow_old();
    };
    suspend("SUSPENDED").await;
    let (status, body) = call(&gateway, &token).await;
    assert_eq!((status, &body["error"]), (403, &json!("FORBIDDEN")));
    assert_eq!(exchange(&oauth).await, (400, json!("unauthorized_client")));
    suspend("ACTIVE").await;
    assert_eq!(call(&gateway, &token).await.0, 200);

    let (_, listed) = answer(gateway.admin(Method::GET, &path)).await;
    let mut expected = oauth.clone();
    expected.as_object_mut().unwrap().remove("clientSecret");
    assert_eq!((&listed["data"][0]["id"], &listed["data"][1]), (&expiring["id"], &expected));
    assert!(!listed.to_string().contains(text(&oauth["clientSecret"])));

    gateway.service.process.clock.advance(TimeDelta::minutes(2));
    assert_eq!(call(&gateway, &short).await.0, 401);
    assert_eq!(exchange(&expiring).await, (401, json!("invalid_client")));
    let own = format!("{path}/{}", text(&oauth["id"]));
    for _ in 0..2 {
        assert_eq!(gateway.admin(Method::DELETE, &own).send().await.unwrap().status().as_u16(), 204);
    }
    assert_eq!(call(&gateway, &token).await.0, 401);
    assert_eq!(exchange(&oauth).await, (401, json!("invalid_client")));
    let (_, listed) = answer(gateway.admin(Method::GET, &path)).await;
    assert_eq!(
        (&listed["data"][0]["status"], &listed["data"][1]["status"]),
        (&json!("EXPIRED"), &json!("REVOKED"))
    );
    let (status, body) = answer(gateway.admin(Method::POST, &format!("{own}/rotate"))).await;
    assert_eq!((status, &body["error"]), (409, &json!("CONFLICT")));
}

#[tokio::test]
async fn limits_are_the_organisations_unless_a_credential_has_its_own() {
    let gateway = Harness::start().await;
    let organization = json!({"slug": "big", "name": "Big", "lexTier": "enterprise"});
    let organization = gateway.create("/api/v1/organizations", &organization).await;
    let client = gateway.client_of(&organization["id"]).await;
    let limit = async |oauth: &Value| {
        let token = gateway.access_token(oauth).await;
        let response = gateway.with(&token, Method::GET, "/v1/messages/1").send().await.unwrap();
        let number = |name: &str| response.headers()[name].to_str().unwrap().parse::<u64>().unwrap();
        (response.status().as_u16(), number("x-ratelimit-limit"), number("x-ratelimit-remaining"))
    };
    let own = gateway.oauth(&client, json!({"rateLimitOverride": 1})).await;
    let mut answers = Vec::new();
    while answers.last() != Some(&(429, 1, 0)) {
        assert!(answers.len() < 5, "no limit: {answers:?}");
        answers.push(limit(&own).await);
    }
    assert_eq!(answers[0], (200, 1, 0));
    for attempt in 0.. {
        let one = limit(&gateway.oauth(&client, json!({})).await).await;
        let other = limit(&gateway.oauth(&client, json!({})).await).await;
        // Two credentials of one organisation count together, within a minute of Redis's clock.
        if other == (200, 10_000, one.2 - 1) {
            break;
        }
        assert!(attempt < 2, "{one:?} {other:?}");
    }
}

#[tokio::test]
async fn signing_keys_are_rotated_with_an_overlap() {
    let gateway = Harness::start_with(|settings| {
        settings.oauth.signing_keys = SecretString::from(format!("{OTHER_KEY},{SIGNING_KEY}"));
    })
    .await;
    let client = gateway.client("acme").await;
    let oauth = gateway.oauth(&client, json!({})).await;
    let token = gateway.access_token(&oauth).await;
    assert_eq!(part(&token, 0)["kid"], "second");
    assert_eq!(call(&gateway, &token).await.0, 200);
    let old = signed(&header(), &part(&token, 1));
    assert_eq!(call(&gateway, &old).await.0, 200);
    let (_, keys) = answer(gateway.service.bare(Method::GET, "/.well-known/jwks.json")).await;
    let first = json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "first", "use": "sig", "alg": "EdDSA",
    });
    assert_eq!((keys["keys"].as_array().unwrap().len(), &keys["keys"][1]), (2, &first));
    assert!(!keys.to_string().contains(SIGNING_KEY.split_once(':').unwrap().1));
}

#[tokio::test]
async fn the_metadata_say_where_everything_is() {
    let gateway = Harness::start().await;
    let path = "/.well-known/oauth-authorization-server";
    let (status, headers, metadata) = told(gateway.service.bare(Method::GET, path)).await;
    assert!(status == 200 && headers["content-type"] == "application/json");
    assert_eq!(
        metadata,
        json!({
            "issuer": ISSUER,
            "token_endpoint": format!("{ISSUER}/oauth/token"),
            "jwks_uri": format!("{ISSUER}/.well-known/jwks.json"),
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": [
                "lex:leads:read", "lex:leads:write", "lex:assets:read", "lex:assets:write",
                "lex:closures:write", "lex:subscriptions:manage", "lex:conformance",
            ],
            "response_types_supported": [],
        })
    );
}
