//! The demonstration behind `./dev demo`: a lead, an event batch and a CRM lead through the running system, and
//! the signed webhook of each.

#![expect(clippy::print_stdout, reason = "it is there to be read")]
#![expect(clippy::unwrap_used, reason = "a demonstration that cannot go on ends")]

use e2e::delivery::verified_as;
use e2e::partner::{Partner, lead, new_slug};
use serde_json::{Value, json};
use signing::Family;
use std::process::ExitCode;
use testkit::receiver::{Received, Receiver};

#[tokio::main]
async fn main() -> ExitCode {
    platform::lifecycle::install_tls();
    let gateway = testkit::required("LEADWIRE_URL");
    println!("\nLeadwire demo against {gateway}\n");
    let admin_key = testkit::required("LEADWIRE_ADMIN_KEY");

    let slug = new_slug("demo");
    let partner = Partner::sign_up(&gateway, &admin_key, &slug).await;
    let post = async |path: &str, bearer: &str, body: Value| {
        let url = format!("{gateway}/api/v1{path}");
        testkit::answer(testkit::http().post(url).bearer_auth(bearer).json(&body)).await
    };
    let key = async |surface: &str, more: Value| {
        let mut body = json!({"clientId": partner.client_id, "name": surface, "surface": surface});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (_, key) = post("/api-keys", &admin_key, body).await;
        key["key"].as_str().unwrap().to_owned()
    };
    let ingest = key("ingest", json!({"app": {"slug": "policy_admin", "name": "Policy Admin"}})).await;
    let crm = key("crm", json!({"scopes": ["create-leads"]})).await;
    println!(
        "1. organisation {slug}, an API client, a service credential, an ingest and a CRM key (platform API)"
    );

    let (partners, platform) = (Receiver::start().await, Receiver::start().await);
    let subscription = partner.subscribe(&partners.url("/hooks"), &["lead.created"]).await;
    let path = format!("/api-clients/{}/webhooks", partner.client_id);
    let body = json!({"url": platform.url("/hooks"), "events": ["policy.created", "lead.created"]});
    let (status, webhook) = post(&path, &admin_key, body).await;
    if status != 201 {
        return failed(&format!("the webhook was not made: {status} {webhook}"));
    }
    println!("2. webhooks at {} (partner) and {} (platform)", partners.url("/hooks"), platform.url("/hooks"));

    let lead = partner.submit(&lead()).await;
    println!("3. POST /api/v1/partners/{slug}/leads answered 201:\n{}", pretty(&lead));
    let delivered = partners.wait_for(1).await;
    if let Err(why) = shown(Family::Partner, &delivered[0], &subscription["hmac_secret"]) {
        return failed(&why);
    }

    let event = json!({
        "eventType": "policy.created", "category": "other", "actor": {"email": "ada@example.com"},
        "metadata": {"policy": "P-1024"},
    });
    let (status, answer) = post("/ingest/events", &ingest, json!({"events": [event]})).await;
    println!("4. POST /api/v1/ingest/events answered {status}:\n{}", pretty(&answer));
    let body = json!({"data": {"name": "Ada Lovelace", "email": "ada@example.com", "source": "web"}});
    let (status, answer) = post("/leads", &crm, body).await;
    println!("5. POST /api/v1/leads (CRM) answered {status}:\n{}", pretty(&answer));
    // The partner's lead, the event and the CRM lead.
    for received in platform.wait_for(3).await {
        if let Err(why) = shown(Family::Platform, &received, &webhook["secret"]) {
            return failed(&why);
        }
    }
    println!("demo: ok");
    ExitCode::SUCCESS
}

/// Prints a delivery whose signatures verify.
fn shown(family: Family, received: &Received, secret: &Value) -> Result<(), String> {
    let body = verified_as(family, received, secret.as_str().unwrap_or_default())
        .map_err(|error| format!("a signature does not verify: {error}"))?;
    println!("   a webhook arrived, and both of its signatures verify:");
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature", family.header(), "traceparent"] {
        println!("   {name}: {}", received.header(name).unwrap_or("(missing)"));
    }
    println!("{}\n", pretty(&body));
    Ok(())
}

fn failed(why: &str) -> ExitCode {
    println!("demo: FAILED: {why}");
    ExitCode::FAILURE
}

fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap();
    text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}
