//! `lead-intake.orchestrator`: leads that begin their way. Only a trigger: what follows is in the database.

use crate::consumers::{TOGETHER, disposition, in_range};
use crate::domain::orchestration::Arrival;
use crate::state::State;
use crate::usecases::start_orchestrations::start_orchestrations;
use contracts::event::Events;
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
    /// Nobody waits for HubSpot as for the answer, and it takes a hundred leads in a call.
    const LINGER: Duration = Duration::from_millis(250);
    /// One lead, or several that were accepted together.
    type Message = Events<LeadCreated>;

    async fn handle(&self, batch: &[Incoming<Self::Message>]) -> Result<(), HandleError> {
        let now = self.0.clock.now();
        // One that cannot be kept does not keep the others of its message.
        let (mut arrivals, mut hopeless) = (Vec::new(), Ok(()));
        for event in batch.iter().flat_map(|incoming| incoming.message.as_slice()) {
            match in_range(event.id, now) {
                Ok(()) => arrivals.push(Arrival {
                    event_id: event.id,
                    organization_id: event.tenantid,
                    lead_id: event.data.lead_id,
                    traceparent: event.traceparent.clone(),
                }),
                error => hopeless = error,
            }
        }
        for together in arrivals.chunks(TOGETHER) {
            start_orchestrations(&self.0, together).await.map_err(disposition)?;
        }
        hopeless
    }
}
