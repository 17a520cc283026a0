//! How deliveries stand, at a glance: what happened by the hour is counted once, in the background.

use crate::domain::figures::{Figures, HOURS, Hour, Whose, first_hour, hour_of, next_to_count, uncounted};
use crate::state::State;
use crate::store::figures;
use chrono::{DateTime, Days, TimeDelta, Utc};
use platform::lifecycle::Shutdown;
use platform_pg::{StoreError, begin_planned};
use std::time::Duration;

/// How often it is counted what has happened since.
const INTERVAL: Duration = Duration::from_mins(1);
/// As long as deliveries.
const KEPT: Days = Days::new(35);

/// Counts until the shutdown begins.
pub async fn run(state: State, shutdown: Shutdown) {
    loop {
        match catch_up(&state, &shutdown).await {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "the last hours are not counted, trying again"),
        }
        if !shutdown.sleep(INTERVAL).await {
            break;
        }
    }
}

async fn catch_up(state: &State, shutdown: &Shutdown) -> Result<(), StoreError> {
    while !shutdown.has_begun() && count(state).await? {}
    Ok(())
}

/// Counts what can be counted of one hour. Says whether there may be more. Replicas take turns: each stretch is counted
/// in the transaction that says so.
///
/// # Errors
/// When the database is unavailable.
pub async fn count(state: &State) -> Result<bool, StoreError> {
    let now = state.clock.now();
    let mut transaction = state.database.begin().await?;
    let Some(until) = figures::take_turn(&mut transaction).await? else { return Ok(false) };
    let Some(stretch) = next_to_count(until, now) else { return Ok(false) };
    let hour = hour_of(stretch.start);
    if stretch.start == hour {
        // What was made before may have come here late, after a stop of the broker for example.
        for back in [2, 1] {
            let before = hour - TimeDelta::hours(back);
            figures::discard(&mut transaction, before).await?;
            figures::count(&mut transaction, before, &(before..before + TimeDelta::hours(1))).await?;
        }
        figures::expire(&mut transaction, now - KEPT).await?;
    }
    figures::count(&mut transaction, hour, &stretch).await?;
    transaction.commit().await?;
    Ok(true)
}

/// How deliveries stand now.
///
/// # Errors
/// When the database is unavailable.
pub async fn look(state: &State, whose: Whose) -> Result<Figures, StoreError> {
    let now = state.clock.now();
    // Whatever is asked for, the way is the same, and planning it anew takes longer than to go it.
    let mut connection = begin_planned(&state.database).await?;
    let until = figures::counted_until(&mut connection).await?;
    let counted = figures::hours(&mut connection, whose, first_hour(now)).await?;
    let mut hours = without_gaps(&counted, whose, now);
    let of_all = whose.subscription.is_none();
    for stretch in uncounted(until, now) {
        let hour = hour_of(stretch.start);
        let Some(hour) = hours.iter_mut().find(|one| one.hour == hour) else { continue };
        if of_all {
            let accepted = figures::accepted(&mut connection, whose.organization, &stretch).await?;
            hour.accepted = Some(hour.accepted.unwrap_or(0) + accepted);
        }
        let (delivered, failed) = figures::requested(&mut connection, whose, &stretch).await?;
        hour.delivered += delivered;
        hour.failed += failed;
    }
    let last_minute = now - TimeDelta::minutes(1)..now + TimeDelta::milliseconds(1);
    let accepted_last_minute = if of_all {
        Some(figures::accepted(&mut connection, whose.organization, &last_minute).await?)
    } else {
        None
    };
    let (delivered_last_minute, _) = figures::requested(&mut connection, whose, &last_minute).await?;
    let open = figures::open(&mut connection, whose, now).await?;
    let dead_letters = figures::dead_letters(&mut connection, whose).await?;
    Ok(Figures { at: now, accepted_last_minute, delivered_last_minute, open, dead_letters, hours })
}

/// Every hour that is shown, also those in which nothing happened.
fn without_gaps(counted: &[Hour], whose: Whose, now: DateTime<Utc>) -> Vec<Hour> {
    let accepted = |found: Option<i64>| whose.subscription.is_none().then(|| found.unwrap_or(0));
    let hour = |offset| {
        let hour = first_hour(now) + TimeDelta::hours(i64::from(offset));
        let found = counted.iter().find(|one| one.hour == hour);
        let nothing = Hour { hour, accepted: None, delivered: 0, failed: 0, dead_lettered: 0 };
        let found = found.copied().unwrap_or(nothing);
        Hour { accepted: accepted(found.accepted), ..found }
    };
    (0..HOURS).map(hour).collect()
}
