//! `crm-resources.automations`: our own events, which set automations off.

use crate::state::State;
use crate::usecases::start_runs::start_runs;
use contracts::event::CloudEvent;
use contracts::topology::{CRM_RESOURCES_AUTOMATIONS, WorkQueue};
use platform_broker::{HandleError, Handler, Incoming};
use serde_json::Value;

/// Starts runs. An automation has one for an event, so there is no inbox.
#[derive(Clone, Debug)]
pub struct Automations(pub State);

impl Handler for Automations {
    const QUEUE: WorkQueue = CRM_RESOURCES_AUTOMATIONS;
    const BATCH: usize = 64;
    type Message = CloudEvent<Value>;

    async fn handle(&self, batch: &[Incoming<CloudEvent<Value>>]) -> Result<(), HandleError> {
        start_runs(&self.0, batch.iter().map(|incoming| &incoming.message)).await.map_err(super::disposition)
    }
}
