//! `crm-resources.organizations`: organisations that are gone.

use crate::state::State;
use crate::usecases::delete_organization::delete_organization;
use contracts::control::OrganizationDeleted;
use contracts::event::{CloudEvent, EventData};
use contracts::topology::{CRM_RESOURCES_ORGANIZATIONS, WorkQueue};
use platform_broker::{HandleError, Handler, Incoming};
use serde_json::Value;

/// Deletes what deleted organisations leave behind. Safe to repeat, so there is no inbox.
#[derive(Clone, Debug)]
pub struct Organizations(pub State);

impl Handler for Organizations {
    const QUEUE: WorkQueue = CRM_RESOURCES_ORGANIZATIONS;
    type Message = CloudEvent<Value>;

    async fn handle(&self, batch: &[Incoming<CloudEvent<Value>>]) -> Result<(), HandleError> {
        for event in batch.iter().map(|incoming| &incoming.message) {
            if event.kind == OrganizationDeleted::TYPE {
                let deleted: OrganizationDeleted =
                    serde_json::from_value(event.data.clone()).map_err(HandleError::permanent)?;
                delete_organization(&self.0, deleted.organization_id).await.map_err(super::disposition)?;
            }
        }
        Ok(())
    }
}
