//! The demonstration behind `./dev demo`: a lead through the running system, and its signed webhook.

#![expect(clippy::print_stdout, reason = "it is there to be read")]
#![expect(clippy::unwrap_used, reason = "a demonstration that cannot go on ends")]

use e2e::delivery::verified;
use e2e::partner::{Partner, lead, new_slug};
use serde_json::Value;
use std::process::ExitCode;
use testkit::receiver::Receiver;

#[tokio::main]
async fn main() -> ExitCode {
    platform::lifecycle::install_tls();
    let gateway = testkit::required("LEADWIRE_URL");
    println!("\nLeadwire demo against {gateway}\n");

    let slug = new_slug("demo");
    let partner = Partner::sign_up(&gateway, &testkit::required("LEADWIRE_ADMIN_KEY"), &slug).await;
    println!("1. organisation {slug}, an API client and a service credential (platform API)");

    let receiver = Receiver::start().await;
    let subscription = partner.subscribe(&receiver.url("/hooks"), &["lead.*"]).await;
    println!("2. webhook subscription {} to lead.* at {}", subscription["id"], receiver.url("/hooks"));

    let lead = partner.submit(&lead()).await;
    println!("3. POST /api/v1/partners/{slug}/leads answered 201:\n{}", pretty(&lead));

    let received = receiver.wait_for(1).await;
    for name in
        ["webhook-id", "webhook-timestamp", "webhook-signature", "x-fulfillment-signature", "traceparent"]
    {
        println!("   {name}: {}", received[0].header(name).unwrap_or("(missing)"));
    }
    match verified(&received[0], subscription["hmac_secret"].as_str().unwrap()) {
        Ok(body) if body["data"]["lead_id"] == lead["lead_id"] => {
            println!("4. the webhook arrived and both signatures verify:\n{}\n\ndemo: ok", pretty(&body));
            ExitCode::SUCCESS
        }
        Ok(body) => failed(&format!("another lead's webhook arrived: {body}")),
        Err(error) => failed(&format!("a signature does not verify: {error}")),
    }
}

fn failed(why: &str) -> ExitCode {
    println!("demo: FAILED: {why}");
    ExitCode::FAILURE
}

fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap();
    text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}
