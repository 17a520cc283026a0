//! The topology: applied, applied again, checked, and refused where it has drifted.

use crate::harness::{QUEUE, TOPOLOGY};
use platform_broker::topology::{self, PLATFORM, Topology};
use std::time::Duration;
use testkit::broker::TestBroker;

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_topology_is_applied_any_number_of_times() {
    let vhost = TestBroker::start().await;
    for _ in 0..2 {
        vhost.apply(PLATFORM).await;
        assert_eq!(topology::check(&vhost.settings(), PLATFORM).await.expect("check"), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_everything_that_is_missing() {
    let vhost = TestBroker::start().await;
    let missing = topology::check(&vhost.settings(), TOPOLOGY).await.expect("check");
    assert_eq!(missing.len(), 10, "{missing:#?}");
    vhost.apply(TOPOLOGY).await;
    vhost.delete_queue("crm-resources.orders.retry.1m").await;
    let missing = topology::check(&vhost.settings(), TOPOLOGY).await.expect("check");
    assert_eq!(missing.len(), 1);
    assert!(missing[0].starts_with("queue crm-resources.orders.retry.1m: "), "{missing:?}");
    assert!(missing[0].contains("NOT_FOUND"), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_exists_with_other_arguments_is_refused_by_name() {
    let vhost = TestBroker::start().await;
    vhost.apply(TOPOLOGY).await;
    let drifted = Topology { queues: &[QUEUE], retry_steps: &[("10s", Duration::from_secs(1))] };
    let error = topology::apply(&vhost.settings(), drifted).await.expect_err("a drifted queue");
    let text = error.to_string();
    assert!(
        text.contains("PRECONDITION_FAILED") && text.contains("crm-resources.orders.retry.10s"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_an_error_without_the_password() {
    let vhost = TestBroker::start().await;
    let mut settings = vhost.settings();
    let proxy = testkit::proxy::Proxy::start(vhost.address().await).await;
    proxy.cut();
    settings.url = vhost.url_through(proxy.address()).into();
    let error = topology::apply(&settings, TOPOLOGY).await.expect_err("nobody listens");
    assert!(!format!("{error:?}").contains("amqp://"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_its_topology_says_what_is_missing_until_it_is_there() {
    let vhost = TestBroker::start().await;
    let process = testkit::process();
    let broker = platform_broker::Broker::start(
        &vhost.settings(),
        contracts::Service::LeadIntake,
        process.clock.clone(),
        &process.tasks,
        &process.shutdown,
    )
    .expect("a usable URL");
    broker.check_topology(PLATFORM);
    testkit::eventually("the missing exchange named", async || {
        let problems = broker.health().problems();
        problems.iter().any(|problem| problem.contains("exchange events: ")).then_some(())
    })
    .await;
    vhost.apply(PLATFORM).await;
    testkit::eventually("no problems", async || broker.health().problems().is_empty().then_some(())).await;
    process.shutdown.begin();
}
