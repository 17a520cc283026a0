//! `lex-router.organizations`: the copy of organisations, and those that are gone with everything of theirs.

use crate::consumers::{Unreadable, of_store};
use crate::state::State;
use crate::usecases::keep_organization::keep_organization;
use crate::usecases::remove_organization::remove_organization;
use contracts::control::{OrganizationChanged, OrganizationDeleted};
use contracts::event::{CloudEvent, EventData};
use contracts::topology::{LEX_ROUTER_ORGANIZATIONS, WorkQueue};
use platform_broker::{HandleError, Handler, Incoming};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Follows organisations.
#[derive(Clone, Debug)]
pub struct Organizations(pub State);

impl Handler for Organizations {
    const QUEUE: WorkQueue = LEX_ROUTER_ORGANIZATIONS;
    type Message = CloudEvent<Box<RawValue>>;

    async fn handle(&self, batch: &[Incoming<Self::Message>]) -> Result<(), HandleError> {
        for event in batch.iter().map(|incoming| &incoming.message) {
            match event.kind.as_str() {
                OrganizationChanged::TYPE => {
                    let changed: OrganizationChanged = read(event)?;
                    keep_organization(&self.0, &changed.organization, event.time).await.map_err(of_store)?;
                }
                OrganizationDeleted::TYPE => {
                    let deleted: OrganizationDeleted = read(event)?;
                    remove_organization(&self.0, deleted.organization_id).await.map_err(of_store)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(event: &CloudEvent<Box<RawValue>>) -> Result<T, HandleError> {
    // serde_json's own text quotes the payload.
    serde_json::from_str(event.data.get())
        .map_err(|_quoting: serde_json::Error| HandleError::permanent(Unreadable))
}
