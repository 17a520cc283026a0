//! HubSpot in trouble: leads wait, nothing is used up, nothing is made twice.

use crate::harness::{Harness, account, lead, lead_of};
use serde_json::json;
use std::time::Duration;
use testkit::hubspot::{Hubspot, Trouble};
use testkit::proxy::Proxy;

/// Runs into trouble once, sees the lead untouched, and brings it through after a pause.
async fn survives(trouble: Trouble) {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    // At every step in turn.
    for step in ["contact", "deal", "association"] {
        hubspot.next([trouble.clone()]);
        orchestrator.run_until_idle().await.unwrap();
        assert_eq!(intake.step_of(id).await.as_deref(), Some(step), "{trouble:?}");
        assert_eq!(intake.attempts_of(id).await, 0, "{trouble:?} at {step}");
        assert_eq!(intake.lead(id).await["status"], "received");
        let calls = hubspot.calls().len();
        orchestrator.run_until_idle().await.unwrap();
        assert_eq!(hubspot.calls().len(), calls, "nothing is called before the pause is over");
        // The step goes well, and the next one runs into the same.
        hubspot.next([Trouble::None]);
        intake.advance(60);
    }
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(id).await["status"], "hubspot_upserted", "{trouble:?}");
    assert_eq!((hubspot.contacts().len(), hubspot.deals().len(), hubspot.associations().len()), (1, 1, 1));
}

#[tokio::test]
async fn a_server_error_at_any_step_uses_up_no_attempt() {
    survives(Trouble::Status(503)).await;
}

#[tokio::test]
async fn a_connection_that_is_reset_before_the_work_uses_up_no_attempt() {
    survives(Trouble::ResetBefore).await;
}

#[tokio::test]
async fn a_connection_that_is_reset_after_the_work_makes_nothing_twice() {
    survives(Trouble::ResetAfter).await;
}

#[tokio::test]
async fn an_answer_that_never_comes_makes_nothing_twice() {
    survives(Trouble::HangAfter).await;
}

#[tokio::test]
async fn an_answer_that_is_no_json_makes_nothing_twice() {
    survives(Trouble::Garbage).await;
}

#[tokio::test]
async fn a_token_that_is_refused_is_an_outage_and_not_the_leads_fault() {
    survives(Trouble::Status(401)).await;
}

#[tokio::test]
async fn a_slow_answer_within_its_time_is_an_answer() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    hubspot.always(Trouble::Slow(Duration::from_millis(100)));
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(id).await["status"], "hubspot_upserted");
    assert_eq!(hubspot.calls().len(), 3);
}

#[tokio::test]
async fn a_hit_limit_is_waited_out_for_as_long_as_hubspot_asks() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let id = intake.arrived(&lead()).await;
    hubspot.next([
        Trouble::RateLimited { retry_after: Some(300) },
        // Without the header the window of the limit is waited for.
        Trouble::RateLimited { retry_after: None },
    ]);
    for (early, late) in [(299, 1), (9, 1)] {
        orchestrator.run_until_idle().await.unwrap();
        let calls = hubspot.calls().len();
        intake.advance(early);
        orchestrator.run_until_idle().await.unwrap();
        assert_eq!(hubspot.calls().len(), calls);
        intake.advance(late);
    }
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(
        (intake.lead(id).await["status"].as_str(), intake.attempts_of(id).await),
        (Some("hubspot_upserted"), 0)
    );
}

#[tokio::test]
async fn a_limit_that_is_used_up_is_not_run_into() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let first = intake.arrived(&lead()).await;
    hubspot.next([Trouble::None, Trouble::None, Trouble::LastOfLimit]);
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(first).await["status"], "hubspot_upserted");
    let second = intake.arrived(&lead()).await;
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!((intake.step_of(second).await.as_deref(), hubspot.calls().len()), (Some("contact"), 3));
    intake.advance(10);
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(second).await["status"], "hubspot_upserted");
}

#[tokio::test]
async fn an_account_that_lacks_our_properties_holds_leads_until_it_has_them() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    let mut submitted = lead();
    submitted["commission"] = json!({"rev_share_bps": 100});
    let id = intake.arrived(&submitted).await;
    hubspot.has_deal_property("leadwire_commission_bps", false);
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!((intake.step_of(id).await.as_deref(), intake.attempts_of(id).await), (Some("deal"), 0));
    hubspot.has_deal_property("leadwire_commission_bps", true);
    intake.advance(60);
    orchestrator.run_until_idle().await.unwrap();
    assert_eq!(intake.lead(id).await["status"], "hubspot_upserted");
}

#[tokio::test]
async fn an_outage_of_days_burns_no_attempts_and_every_lead_gets_through_after_it() {
    let hubspot = Hubspot::start().await;
    let proxy = Proxy::start(hubspot.address()).await;
    let through = proxy.address();
    let (intake, orchestrator) = Harness::driven(|settings| {
        settings.hubspot = account(&hubspot);
        settings.hubspot.base_url = format!("http://{through}").parse().unwrap();
    })
    .await;
    proxy.cut();
    let mut leads = Vec::new();
    for index in 0..5 {
        leads.push(intake.arrived(&lead_of(&format!("p{index}@example.com"))).await);
    }
    // Three days, looked at every minute and more rarely later.
    for pause in [1, 2, 4, 8, 16, 32, 60, 60, 3600, 86_400, 172_800] {
        orchestrator.run_until_idle().await.unwrap();
        intake.advance(pause);
    }
    for id in &leads {
        assert_eq!(
            (intake.step_of(*id).await.as_deref(), intake.attempts_of(*id).await),
            (Some("contact"), 0)
        );
    }
    proxy.freeze();
    orchestrator.run_until_idle().await.unwrap();
    proxy.pass();
    intake.advance(120);
    orchestrator.run_until_idle().await.unwrap();
    for id in leads {
        assert_eq!(intake.lead(id).await["status"], "hubspot_upserted");
    }
    assert_eq!(hubspot.deals().len(), 5);
}

#[tokio::test]
async fn after_an_outage_one_lead_goes_ahead_and_the_rest_follow() {
    let (intake, orchestrator, hubspot) = Harness::with_hubspot().await;
    for index in 0..5 {
        intake.arrived(&lead_of(&format!("p{index}@example.com"))).await;
    }
    hubspot.next([Trouble::Status(500)]);
    orchestrator.run_until_idle().await.unwrap();
    intake.advance(1);
    orchestrator.run_until_idle().await.unwrap();
    let inputs: Vec<usize> = hubspot.calls().iter().map(testkit::hubspot::Call::inputs).collect();
    assert_eq!(inputs, [5, 1, 1, 1, 4, 4, 4]);
}
