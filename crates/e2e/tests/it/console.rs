//! The console in a real browser: a developer makes a webhook, sees a delivery fail and why, sends it again and sees
//! it arrive; a key is made and revoked; every page is looked at in both themes, on a phone, and by the rules of
//! accessibility. So are pages of the reference of the APIs.

use e2e::partner::new_slug;
use e2e::system::System;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use testkit::receiver::{Receiver, Reply};

#[tokio::test]
async fn a_developer_finds_out_in_the_browser_why_a_webhook_failed_and_sends_it_again() {
    let system = System::start(&[]);
    let receiver = Receiver::start().await;
    receiver.next([Reply::with_body(500, "the receiver is out of order")]);
    let admin = |path: &str, body: Value| {
        let url = format!("{}/api/v1{path}", system.address("LEADWIRE_URL"));
        let request =
            testkit::http().request(Method::POST, url).bearer_auth(system.address("LEADWIRE_ADMIN_KEY"));
        async move { testkit::read(request.json(&body).send().await.unwrap()).await.1 }
    };
    let client = json!({
        "name": new_slug("browser"), "contactEmail": "dev@example.com", "redirectUris": [], "rateLimitTier": "enterprise",
    });
    let client = admin("/api-clients", client).await;
    let key = json!({"clientId": client["id"], "name": "Developer", "rateLimitOverride": 10_000});
    let key = admin("/api-keys", key).await;
    let given = json!({
        "url": system.address("LEADWIRE_URL"),
        "adminKey": system.address("LEADWIRE_ADMIN_KEY"),
        "key": key["key"],
        "client": client["id"],
        "organization": client["organizationId"],
        "receiver": receiver.url("/hooks"),
        "open": {"docs": "/docs", "docs-partner": "/docs/partner"},
    });
    let seen = tokio::task::spawn_blocking(move || browse(&given)).await.unwrap();

    assert_eq!(seen["problems"], json!([]), "{seen:#}");
    let steps = [
        "signed in",
        "made a webhook",
        "saw a delivery fail with its reason",
        "sent it again and saw it succeed",
        "made a key and revoked it",
        "paused and resumed",
        "signed out",
        "looked as an administrator",
    ];
    assert_eq!(seen["steps"], json!(steps), "{seen:#}");
    assert_eq!(seen["violations"], json!([]), "{seen:#}");
    let ids: Vec<_> =
        receiver.received().iter().map(|one| one.header("webhook-id").unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert_eq!(ids[0], ids[1], "the second try is the same delivery");
}

/// What the browser saw. `LEADWIRE_PICTURES` names a folder for pictures of every page.
fn browse(given: &Value) -> Value {
    const ADVICE: &str = "install Node.js with npm and Chromium (on Debian and Ubuntu: nodejs, npm and chromium), and run \
                          ./dev test, which brings the libraries";
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/console.cjs");
    let mut child = Command::new("node")
        .arg(script)
        .arg(testkit::required("LEADWIRE_TEST_VERIFIERS"))
        .args(testkit::optional("LEADWIRE_PICTURES"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("node does not start ({error}): {ADVICE}"));
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("the browser's script fails ({said}): {ADVICE}"))
}
