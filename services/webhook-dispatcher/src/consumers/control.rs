//! `webhook-dispatcher.control`: clients and organisations that are gone, whose subscriptions end, and what LEX
//! must know of organisations.

use crate::state::State;
use crate::usecases::delete_subscriptions::{delete_of_client, delete_of_organization};
use crate::usecases::organizations::{FollowError, follow_organization};
use contracts::control::{ClientDeleted, OrganizationChanged, OrganizationDeleted};
use contracts::event::{CloudEvent, EventData};
use contracts::topology::{WEBHOOK_DISPATCHER_CONTROL, WorkQueue};
use platform_broker::{HandleError, Handler, Incoming};
use platform_pg::StoreError;
use serde_json::Value;

/// Deletes what belonged to those who are gone, and follows organisations. Other changes of the control plane are passed over.
#[derive(Clone, Debug)]
pub struct Control(pub State);

impl Handler for Control {
    const QUEUE: WorkQueue = WEBHOOK_DISPATCHER_CONTROL;
    type Message = CloudEvent<Value>;

    async fn handle(&self, batch: &[Incoming<Self::Message>]) -> Result<(), HandleError> {
        for Incoming { message, .. } in batch {
            self.follow(message).await?;
        }
        Ok(())
    }
}

impl Control {
    async fn follow(&self, event: &CloudEvent<Value>) -> Result<(), HandleError> {
        match event.kind.as_str() {
            ClientDeleted::TYPE => {
                let gone: ClientDeleted = read(&event.data)?;
                tracing::info!(client = %gone.client_id, "client is gone, its subscriptions end");
                delete_of_client(&self.0, gone.organization_id, gone.client_id).await.map_err(disposition)
            }
            OrganizationDeleted::TYPE => {
                let gone: OrganizationDeleted = read(&event.data)?;
                tracing::info!(organization = %gone.organization_id, "organisation is gone, its data goes");
                delete_of_organization(&self.0, gone.organization_id).await.map_err(disposition)
            }
            OrganizationChanged::TYPE => {
                let changed: OrganizationChanged = read(&event.data)?;
                let version = event.aggregateversion;
                follow_organization(&self.0, &changed.organization, version).await.map_err(
                    |error| match error {
                        FollowError::Store(error) => disposition(error),
                        FollowError::Secret(error) => HandleError::transient(error),
                    },
                )
            }
            _ => Ok(()),
        }
    }
}

fn read<D: EventData>(data: &Value) -> Result<D, HandleError> {
    serde_json::from_value(data.clone()).map_err(HandleError::permanent)
}

fn disposition(error: StoreError) -> HandleError {
    if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::transient(error) }
}
