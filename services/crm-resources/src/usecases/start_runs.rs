//! From an event to one run for each automation that it sets off.

use crate::domain::definition::Trigger;
use crate::domain::run::DEEPEST;
use crate::state::State;
use crate::store::runs::{self, NewRun};
use contracts::event::CloudEvent;
use platform_pg::StoreError;
use serde_json::Value;

/// Stores the runs that events set off, in one transaction. An automation has one run for an event, however often the
/// event comes.
pub async fn start_runs<'e>(
    state: &State,
    events: impl Iterator<Item = &'e CloudEvent<Value>>,
) -> Result<(), StoreError> {
    let now = state.clock.now();
    let mut transaction = state.database.begin().await?;
    let mut started = 0;
    for event in events {
        let Some(trigger) = Trigger::of_event(&event.kind) else { continue };
        let depth = event.data["caused_by"]["depth"].as_i64().and_then(|depth| i32::try_from(depth).ok());
        let depth = depth.unwrap_or(0).saturating_add(1);
        let too_deep = u32::try_from(depth).unwrap_or(0) > DEEPEST;
        for automation in runs::triggered(&mut transaction, event.tenantid, trigger).await? {
            let new = NewRun {
                id: state.ids.at(now),
                organization: event.tenantid,
                automation_id: automation.automation_id,
                event_id: event.id,
                event_type: &event.kind,
                subject: event.subject.as_deref().unwrap_or_default(),
                depth,
                data: &event.data,
                steps: &automation.steps,
                error: too_deep.then_some("automations set each other off more than five deep"),
                now,
            };
            started += u64::from(runs::insert(&mut transaction, &new).await?);
        }
    }
    transaction.commit().await?;
    if started > 0 {
        metrics::counter!("leadwire_automation_runs_started_total").increment(started);
        state.wake.notify_one();
    }
    Ok(())
}
