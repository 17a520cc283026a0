//! `/console/crm`: whose things its pages ask for, and what its forms do. What is in them, a browser sees in `crates/e2e`.

use crate::browser::Browser;
use crate::harness::{Harness, text};
use reqwest::Method;
use serde_json::json;
use testkit::answer;

const UNKNOWN: &str = "0197c2a0-0000-7000-8000-000000000000";

#[tokio::test]
async fn pages_ask_for_what_is_ones_own_whatever_their_address_says() {
    let gateway = Harness::start().await;
    let (acme, globex) = (gateway.client("acme").await, gateway.client("globex").await);
    let key = gateway.key(&acme, json!({})).await;
    let (acme, globex) = (text(&acme["organizationId"]), text(&globex["organizationId"]));
    let mut own = Browser::signed_in(&gateway, text(&key["key"])).await;
    let page = own.get(&format!("/console/crm/leads/abc?organization={globex}")).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains(&format!("/api/v1/organizations/{acme}/crm/leads/abc")), "{}", page.text);
    assert!(!page.text.contains(globex), "{}", page.text);
    let page = own.get(&format!("/console/crm?organization={globex}")).await;
    assert_eq!(page.location(), "/console/crm/leads");

    let mut operator = Browser::signed_in(&gateway, &gateway.admin_key).await;
    let page = operator.get(&format!("/console/crm/leads/abc?organization={globex}")).await;
    assert!(page.text.contains(&format!("/api/v1/organizations/{globex}/crm/leads/abc")), "{}", page.text);
    assert!(operator.get("/console/crm/leads").await.text.contains("Choose an organisation."));
    for page in [
        "/console/crm/leads/abc".to_owned(),
        "/console/crm/automations/abc".to_owned(),
        "/console/crm/nothing".to_owned(),
        format!("/console/crm/leads/abc?organization={UNKNOWN}"),
        "/console/crm/leads/abc?organization=rubbish".to_owned(),
        format!("/console/crm/automations/abc/runs/{UNKNOWN}?organization={UNKNOWN}"),
    ] {
        assert_eq!(operator.get(&page).await.status, 404, "{page}");
    }
}

#[tokio::test]
async fn switching_an_automation_takes_a_form_of_ones_own_and_is_in_the_audit_log() {
    let gateway = Harness::start().await;
    let client = gateway.client("acme").await;
    let acme = text(&client["organizationId"]);
    let mut operator = Browser::signed_in(&gateway, &gateway.admin_key).await;
    let action = format!("/console/crm/automations/65a0c0f1e4b0a1b2c3d4e5f9/switch?organization={acme}");
    let forged = operator.post(&action, &[("csrf", "AAAA"), ("active", "false")]).await;
    assert_eq!((forged.status, gateway.echo.requests()), (403, 0));
    let page = operator.act(&action, &[("active", "false")]).await;
    let back = format!("/console/crm/automations/65a0c0f1e4b0a1b2c3d4e5f9?organization={acme}");
    assert_eq!((page.status, page.location()), (303, back.as_str()));
    let log = gateway.admin(Method::GET, "/api/v1/audit-log?action=automation.updated");
    let (_, log) = answer(log).await;
    assert_eq!(log["data"][0]["target"], "automation:65a0c0f1e4b0a1b2c3d4e5f9", "{log}");
}
