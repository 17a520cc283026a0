//! `/console`: sessions, forms, tenancy, and the control plane's pages.

use crate::browser::Browser;
use crate::harness::{Harness, text};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::answer;

/// A client of a new organisation with a key that may do everything of its own.
async fn tenant(gateway: &Harness, slug: &str) -> (Value, Value) {
    let client = gateway.client(slug).await;
    let key = gateway.key(&client, json!({})).await;
    (client, key)
}

#[tokio::test]
async fn a_session_is_a_strict_cookie_and_every_answer_has_a_strict_policy() {
    let gateway = Harness::start().await;
    let mut browser = Browser::new(&gateway);
    let sent_away = browser.get("/console/events?type=lead.created").await;
    assert_eq!(sent_away.status, 303);
    assert_eq!(sent_away.location(), "/console/sign-in?next=%2Fconsole%2Fevents%3Ftype%3Dlead.created");
    let form = [("key", gateway.admin_key.as_str()), ("next", "/console/clients?search=a")];
    let signed_in = browser.post("/console/sign-in", &form).await;
    assert_eq!((signed_in.status, signed_in.location()), (303, "/console/clients?search=a"));
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-leadwire-console="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"), "{cookie}");
    for path in ["/console/sign-in", "/console/clients", "/console/nothing", "/console/assets/console.css"] {
        let page = browser.get(path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"),
            "{path}: {policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff", "{path}");
        let is_asset = path.contains("assets");
        assert_eq!(page.headers["cache-control"] == "no-store", !is_asset, "{path}");
        assert!(!page.text.contains("<style") && !page.text.contains(" style="), "{path}");
        assert!(!page.text.contains("<script>"), "{path}");
    }
    let missing = browser.get("/console/nothing").await;
    assert_eq!(missing.status, 404);
    assert!(missing.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    let elsewhere = Browser::new(&gateway)
        .post("/console/sign-in", &[("key", &gateway.admin_key), ("next", "//evil")])
        .await;
    assert_eq!(elsewhere.location(), "/console");
}

#[tokio::test]
async fn what_is_stored_of_a_session_opens_nothing() {
    let gateway = Harness::start().await;
    let browser = Browser::signed_in(&gateway, &gateway.admin_key).await;
    let rows: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as("select id, sealed from console_sessions")
        .fetch_all(&gateway.database.pool())
        .await
        .unwrap();
    let [(id, sealed)] = rows.as_slice() else { panic!("{} sessions", rows.len()) };
    let contains = |bytes: &[u8], what: &str| bytes.windows(what.len()).any(|part| part == what.as_bytes());
    assert!(!contains(sealed, &gateway.admin_key));
    let token = browser.cookie.unwrap();
    let token = platform::secrets::decode_key(token.split_once('=').unwrap().1).unwrap();
    assert_ne!(id.as_slice(), token);
    assert!(!sealed.windows(32).any(|part| part == token));
}

#[tokio::test]
async fn signing_in_is_refused_with_a_reason_and_limited_per_address() {
    let gateway = Harness::start().await;
    let mut browser = Browser::new(&gateway);
    for (key, why) in
        [("wp_live_abc", "begin with ins_"), ("ins_000000000000_wrong", "unknown, revoked or expired")]
    {
        let page = browser.post("/console/sign-in", &[("key", key)]).await;
        assert_eq!(page.status, 422);
        assert!(page.text.contains(why), "{}", page.text);
        assert!(!page.text.contains(key), "what was typed is not repeated");
    }
    // More than twice as many as a minute allows: it ends at most once in between.
    let mut refused = None;
    for _ in 0..21 {
        let page = browser.post("/console/sign-in", &[("key", "ins_000000000000_wrong")]).await;
        if page.status == 429 {
            refused = Some(page);
            break;
        }
    }
    let wait: u64 = refused.unwrap().headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_form_of_another_session_does_nothing() {
    let gateway = Harness::start().await;
    let mut browser = Browser::signed_in(&gateway, &gateway.admin_key).await;
    let other = Browser::signed_in(&gateway, &gateway.admin_key).await;
    let form = [("name", "Forged"), ("contactEmail", "a@example.com")];
    for csrf in ["", "AAAA", &other.csrf] {
        let page = browser.post("/console/clients/new", &[&[("csrf", csrf)], &form[..]].concat()).await;
        assert_eq!(page.status, 403, "{csrf}");
        assert_eq!(browser.post("/console/sign-out", &[("csrf", csrf)]).await.status, 403);
    }
    let clients = browser.get("/console/clients?search=Forged").await;
    assert!(clients.text.contains("No client is like that"));
    assert_eq!(browser.post("/console/clients/new", &form).await.status, 403, "and none without");
}

#[tokio::test]
async fn a_session_ends_by_itself_by_its_owner_and_with_its_key() {
    let gateway = Harness::start().await;
    let clock = &gateway.service.process.clock;
    let ended = "/console/sign-in?next=%2Fconsole%2Fsession&ended=1";

    let mut idle = Browser::signed_in(&gateway, &gateway.admin_key).await;
    clock.advance(TimeDelta::minutes(29));
    assert_eq!(idle.get("/console/session").await.status, 200);
    clock.advance(TimeDelta::minutes(29));
    assert_eq!(idle.get("/console/session").await.status, 200, "every use counts");
    clock.advance(TimeDelta::minutes(31));
    assert_eq!(idle.get("/console/session").await.location(), ended);

    let mut old = Browser::signed_in(&gateway, &gateway.admin_key).await;
    for _ in 0..30 {
        clock.advance(TimeDelta::minutes(25));
        old.get("/console/session").await;
    }
    assert_eq!(old.get("/console/session").await.status, 303, "twelve hours are over");

    let [mut here, mut there] = [
        Browser::signed_in(&gateway, &gateway.admin_key).await,
        Browser::signed_in(&gateway, &gateway.admin_key).await,
    ];
    let (cookie, csrf) = (here.cookie.clone(), here.csrf.clone());
    assert_eq!(here.act("/console/sign-out", &[]).await.location(), "/console/sign-in");
    (here.cookie, here.csrf) = (cookie, csrf);
    assert_eq!(here.get("/console/session").await.location(), ended, "the cookie is worth nothing any more");
    assert_eq!(there.get("/console/session").await.status, 200);
    let mut third = Browser::signed_in(&gateway, &gateway.admin_key).await;
    there.act("/console/sign-out-everywhere", &[]).await;
    assert_eq!(third.get("/console/session").await.location(), ended);

    let (client, key) = tenant(&gateway, "acme").await;
    let mut theirs = Browser::signed_in(&gateway, text(&key["key"])).await;
    let path = format!("/api/v1/api-clients/{}/api-keys/{}", text(&client["id"]), text(&key["id"]));
    assert_eq!(gateway.admin(Method::DELETE, &path).send().await.unwrap().status(), 204);
    assert_eq!(theirs.get("/console/clients").await.status, 303);
    assert_eq!(theirs.get("/console/session").await.status, 303, "the session is gone with its key");
}

#[tokio::test]
async fn another_organisations_things_are_not_there_on_any_page_or_action() {
    let gateway = Harness::start().await;
    let (_, key) = tenant(&gateway, "acme").await;
    let (foreign, foreign_key) = tenant(&gateway, "globex").await;
    let (foreign, foreign_key) = (text(&foreign["id"]), text(&foreign_key["id"]));
    let unknown = "0197c2a0-0000-7000-8000-000000000000";
    let mut browser = Browser::signed_in(&gateway, text(&key["key"])).await;
    for client in [foreign, unknown, "rubbish", "..%2f.."] {
        let pages = [
            format!("/console/clients/{client}"),
            format!("/console/webhooks?client={client}"),
            format!("/console/webhooks/{client}/{unknown}"),
            format!("/console/webhooks/{client}/{unknown}/edit"),
        ];
        for page in pages {
            let status = browser.get(&page).await.status;
            assert!(status == 404 || client.contains('%') && status == 400, "{page}: {status}");
        }
        let actions = [
            (format!("/console/clients/{client}/status"), vec![("status", "SUSPENDED")]),
            (format!("/console/clients/{client}/keys"), vec![("name", "mine")]),
            (format!("/console/clients/{client}/keys/{foreign_key}/revoke"), vec![]),
            (format!("/console/webhooks/{client}/{unknown}/pause"), vec![]),
            (format!("/console/webhooks/{client}/{unknown}/delete"), vec![]),
            (format!("/console/webhooks/{client}/{unknown}/rotate"), vec![("overlap", "0")]),
        ];
        for (action, form) in actions {
            let status = browser.act(&action, &form).await.status;
            assert!(status == 404 || client.contains('%') && status == 400, "{action}: {status}");
        }
    }
    let list = browser.get("/console/clients").await;
    assert!(!list.text.contains(foreign));
    assert_eq!(browser.get("/console/audit-log").await.status, 403);
    assert!(!list.text.contains("/console/audit-log"), "what one may not see is not offered");
    let path = format!("/api/v1/api-clients/{foreign}");
    let (_, client) = answer(gateway.admin(Method::GET, &path)).await;
    assert_eq!((&client["status"], &client["apiKeys"][0]["status"]), (&json!("ACTIVE"), &json!("ACTIVE")));
}

#[tokio::test]
async fn a_client_and_its_key_are_made_shown_once_and_revoked_with_an_audit_entry_each() {
    let gateway = Harness::start().await;
    let mut browser = Browser::signed_in(&gateway, &gateway.admin_key).await;
    let refused =
        browser.act("/console/clients/new", &[("name", "<b>Acme</b>"), ("contactEmail", "nobody")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("id=\"contactEmail-complaint\""), "{}", refused.text);
    assert!(
        refused.text.contains("value=\"&lt;b&gt;Acme&lt;/b&gt;\""),
        "what was typed is still there, as text"
    );

    let form = browser.get("/console/clients/new").await;
    let once = form.between("name=\"once\" value=\"", "\"").to_owned();
    let form = [
        ("once", once.as_str()),
        ("name", "<b>Acme</b>"),
        ("contactEmail", "a@example.com"),
        ("rateLimitTier", "BASIC"),
    ];
    let made = browser.act("/console/clients/new", &form).await;
    assert_eq!(made.status, 303, "{}", made.text);
    assert_eq!(
        browser.act("/console/clients/new", &form).await.location(),
        made.location(),
        "sent twice, made once"
    );

    let client = browser.get(made.location()).await;
    assert!(client.text.contains("<h1>&lt;b&gt;Acme&lt;/b&gt;</h1>"), "{}", client.text);
    let once = client.between("name=\"once\" value=\"", "\"").to_owned();
    let keys = format!("{}/keys", made.location());
    let form = [("once", once.as_str()), ("name", "Night shift"), ("scopes", "clients:read\nusage:read")];
    let key = browser.act(&keys, &form).await;
    assert_eq!(key.status, 200, "{}", key.text);
    let secret = key.between("id=\"secret\">", "</code>").to_owned();
    assert_eq!(browser.act(&keys, &form).await.between("id=\"secret\">", "</code>"), secret);
    assert_eq!(
        answer(gateway.with(&secret, Method::GET, "/api/v1/whoami")).await.1["scopes"],
        json!(["clients:read", "usage:read"])
    );

    let client = browser.get(made.location()).await;
    assert!(!client.text.contains(&secret) && client.text.contains("Night shift"));
    let revoke = format!("{keys}/{}/revoke", client.between("/keys/", "/revoke"));
    assert_eq!(browser.act(&revoke, &[]).await.location(), made.location());
    assert_eq!(gateway.with(&secret, Method::GET, "/api/v1/whoami").send().await.unwrap().status(), 401);
    let client = browser.get(made.location()).await;
    assert!(client.text.contains("revoked"));

    let log = browser.get("/console/audit-log?action=api_key.revoked").await;
    assert!(log.text.contains("api_key.revoked") && log.text.contains("127.0.0.1"), "{}", log.text);
    let export = browser.get("/console/audit-log?export=csv").await;
    assert_eq!(export.headers["content-type"], "text/csv; charset=utf-8");
    assert!(export.text.contains("\"api_key.created\"") && !export.text.contains(&secret));
}

#[tokio::test]
async fn whoami_says_whose_key_it_is_and_what_it_may_do() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let key = gateway.key(&client, json!({"scopes": ["webhooks:read"]})).await;
    let (status, who) = answer(gateway.with(text(&key["key"]), Method::GET, "/api/v1/whoami")).await;
    assert_eq!(status, 200);
    assert_eq!(
        who,
        json!({
            "organization": {"id": client["organizationId"], "slug": "acme"},
            "client": {"id": client["id"]},
            "credential": {"id": key["id"]},
            "scopes": ["webhooks:read"],
            "admin": false,
        })
    );
    let (_, admin) = answer(gateway.admin(Method::GET, "/api/v1/whoami")).await;
    assert_eq!(admin["admin"], true);
}

#[tokio::test]
async fn nobody_but_the_console_says_whose_request_it_makes() {
    let gateway = Harness::start().await;
    let path = "/api/v1/organizations";
    let request = gateway.admin(Method::POST, path).header("x-leadwire-visitor", "guess 203.0.113.9");
    let (status, _) = answer(request.json(&json!({"slug": "acme", "name": "Acme"}))).await;
    assert_eq!(status, 201);
    let (_, log) = answer(gateway.admin(Method::GET, "/api/v1/audit-log?action=organization.created")).await;
    assert_eq!(log["data"][0]["origin"], "127.0.0.1");
}
