//! `ingest.organizations`: organisations that are gone, and what is kept of them with them. Of those that changed
//! nothing is kept here.

use crate::state::State;
use crate::usecases::remove_organization::remove_organization;
use contracts::control::OrganizationDeleted;
use contracts::event::{CloudEvent, EventData};
use contracts::topology::{INGEST_ORGANIZATIONS, WorkQueue};
use platform_broker::{HandleError, Handler, Incoming};
use platform_pg::StoreError;
use serde_json::value::RawValue;

/// Removes organisations.
#[derive(Clone, Debug)]
pub struct Organizations(pub State);

/// A deletion that does not say of what.
#[derive(Debug, thiserror::Error)]
#[error("the data does not decode")]
struct Unreadable;

impl Handler for Organizations {
    const QUEUE: WorkQueue = INGEST_ORGANIZATIONS;
    type Message = CloudEvent<Box<RawValue>>;

    async fn handle(&self, batch: &[Incoming<Self::Message>]) -> Result<(), HandleError> {
        for incoming in batch.iter().filter(|incoming| incoming.message.kind == OrganizationDeleted::TYPE) {
            let deleted: OrganizationDeleted = serde_json::from_str(incoming.message.data.get())
                .map_err(|_quotes_the_payload: serde_json::Error| HandleError::permanent(Unreadable))?;
            remove_organization(&self.0, deleted.organization_id).await.map_err(disposition)?;
        }
        Ok(())
    }
}

fn disposition(error: StoreError) -> HandleError {
    if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::transient(error) }
}
