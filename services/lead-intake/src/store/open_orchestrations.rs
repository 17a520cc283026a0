//! What must not be dropped with its partition: leads that still wait for HubSpot or for their deliveries.

use platform_pg::StoreError;
use platform_pg::retention::{Expired, Settle, Settled};
use sqlx::PgConnection;

/// Holds a partition back while any of its leads is on its way: an outage of HubSpot may be of any length.
#[derive(Clone, Copy, Debug)]
pub struct HoldBack;

impl Settle for HoldBack {
    async fn settle(&self, connection: &mut PgConnection, expired: &Expired) -> Result<Settled, StoreError> {
        let open: Option<bool> = sqlx::query_scalar!(
            "select exists (select from orchestrations
                 where event_id >= $1 and event_id < $2 and step not in ('done', 'expected'))",
            platform::ids::floor(expired.time.start),
            platform::ids::floor(expired.time.end)
        )
        .fetch_one(connection)
        .await?;
        Ok(Settled { settled: 0, left_open: open.unwrap_or(true) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SERVICE;
    use crate::store::{ORCHESTRATIONS, RETENTIONS};
    use chrono::TimeDelta;
    use platform::clock::Clock;
    use platform::ids::IdSource;
    use platform_pg::{partitions, retention};
    use testkit::TestDatabase;

    #[tokio::test]
    async fn a_week_is_dropped_after_its_time_but_not_while_a_lead_of_it_still_waits() {
        let database = TestDatabase::create(SERVICE).await;
        let pool = database.pool();
        let now = Clock::system().now();
        let then = now - TimeDelta::days(200);
        partitions::provision(&pool, &[ORCHESTRATIONS], then).await.unwrap();
        let event = IdSource::random().at(then);
        sqlx::query(
            "insert into orchestrations (event_id, organization_id, lead_id, step, next_at)
             values ($1, $1, $1, 'contact', $2)",
        )
        .bind(event)
        .bind(then)
        .execute(&pool)
        .await
        .unwrap();
        let round = retention::expire(&pool, RETENTIONS, now, &HoldBack).await.unwrap();
        assert_eq!(round.held_back.len(), 1, "{round:?}");
        sqlx::query("update orchestrations set step = 'done'").execute(&pool).await.unwrap();
        let round = retention::expire(&pool, RETENTIONS, now, &HoldBack).await.unwrap();
        assert_eq!((round.dropped.len(), round.held_back.len()), (1, 0), "{round:?}");
    }
}
