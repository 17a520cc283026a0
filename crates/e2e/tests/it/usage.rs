//! Usage outlives the gateway that counted it.

use crate::story::Story;
use contracts::Service;
use reqwest::Method;
use std::time::{Duration, Instant};
use testkit::eventually;

const ROUNDS: i64 = 2;
const REQUESTS: i64 = 100;

#[tokio::test]
async fn killing_the_gateway_loses_no_count_that_is_older_than_a_second_and_doubles_none() {
    let story = Story::begin().await;
    let counted = "select coalesce(sum(requests), 0)::bigint from gateway.usage_hourly
                   where organization_id = $1::uuid and template = '/api/v1/partners/{partner_slug}/leads'";
    for round in 1..=ROUNDS {
        for _ in 0..REQUESTS {
            let answer = story.partner.send(Method::GET, "/leads", None).await;
            assert_eq!(answer.status(), 200);
        }
        let answered = Instant::now();
        eventually("a second has passed", async || {
            (answered.elapsed() > Duration::from_secs(1)).then_some(())
        })
        .await;
        story.system.signal(Service::Gateway, "KILL");
        story.system.up();
        assert_eq!(story.system.count(counted, &story.partner.organization_id).await, round * REQUESTS);
    }
}
