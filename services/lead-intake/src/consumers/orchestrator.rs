//! `lead-intake.orchestrator`: leads that begin their way. Only a trigger: what follows is in the database.

use crate::consumers::{disposition, in_range};
use crate::domain::orchestration::Arrival;
use crate::state::State;
use crate::usecases::start_orchestrations::start_orchestrations;
use contracts::event::CloudEvent;
use contracts::lead::LeadCreated;
use contracts::topology::{LEAD_INTAKE_ORCHESTRATOR, WorkQueue};
use platform_broker::{HandleError, Handler, Incoming};
use std::time::Duration;

/// Enters leads for the orchestrator.
#[derive(Clone, Debug)]
pub struct LeadArrivals(pub State);

impl Handler for LeadArrivals {
    const QUEUE: WorkQueue = LEAD_INTAKE_ORCHESTRATOR;
    const BATCH: usize = 256;
    const PACE: Duration = Duration::from_millis(20);
    type Message = CloudEvent<LeadCreated>;

    async fn handle(&self, batch: &[Incoming<Self::Message>]) -> Result<(), HandleError> {
        let now = self.0.clock.now();
        let arrivals = batch
            .iter()
            .map(|incoming| {
                let event = &incoming.message;
                in_range(event.id, now)?;
                Ok(Arrival {
                    event_id: event.id,
                    organization_id: event.tenantid,
                    lead_id: event.data.lead_id,
                    traceparent: event.traceparent.clone(),
                })
            })
            .collect::<Result<Vec<_>, HandleError>>()?;
        start_orchestrations(&self.0, &arrivals).await.map_err(disposition)
    }
}
