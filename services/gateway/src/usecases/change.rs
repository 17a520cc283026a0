//! A change of the control plane: one transaction with everything that must leave together with it.
//!
//! A use case works on an open [`Change`]; who opened it commits it.

use super::audit::entry_of;
use crate::domain::audit::{Entry, differing};
use crate::state::State;
use crate::store::audit_log;
use contracts::event::{CloudEvent, EventData, EventFacts};
use contracts::identity::Principal;
use contracts::ids::{EventId, OrganizationId};
use platform_pg::StoreError;
use platform_pg::outbox::{self, OutboxEntry, PendingEvent};
use serde::Serialize;
use serde_json::Value;
use sqlx::{Postgres, Transaction};
use std::net::IpAddr;
use uuid::Uuid;

/// Where a change comes from, for the audit log.
#[derive(Clone, Debug)]
pub struct Origin {
    pub address: IpAddr,
    pub request_id: String,
}

/// An open transaction, made for a caller, with the events that are committed in it.
#[derive(Debug)]
pub struct Change<'c> {
    pub state: &'c State,
    pub caller: &'c Principal,
    origin: Origin,
    pub transaction: Transaction<'static, Postgres>,
    events: Vec<OutboxEntry>,
    /// Whose things have changed.
    tenants: Vec<OrganizationId>,
}

impl<'c> Change<'c> {
    /// # Errors
    /// When the database is unavailable.
    pub async fn begin(state: &'c State, caller: &'c Principal, origin: Origin) -> Result<Self, StoreError> {
        let transaction = state.database.begin().await?;
        Ok(Self { state, caller, origin, transaction, events: Vec::new(), tenants: Vec::new() })
    }

    /// Tells the platform what became of an aggregate, once this is committed. The aggregate's row must have
    /// been written before, so that events of one aggregate leave in the order of their versions.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn announce<D: EventData>(
        &mut self,
        tenant: OrganizationId,
        aggregate: Uuid,
        aggregate_version: i64,
        data: D,
    ) -> Result<(), StoreError> {
        let now = self.state.clock.now();
        let facts = EventFacts {
            id: EventId::new(self.state.ids.at(now)),
            time: now,
            tenant,
            aggregate: aggregate.to_string(),
            aggregate_version,
            traceparent: platform::telemetry::current_traceparent(),
            request_id: platform::request_id::current(),
            track_delivery: false,
        };
        let event = PendingEvent::of(&CloudEvent::new(facts, data)).map_err(unwritable)?;
        self.tenants.push(tenant);
        self.events.extend(outbox::insert(&mut self.transaction, vec![event]).await?);
        Ok(())
    }

    /// Enters what was done into the audit log: the members of the two states that differ, or the one that
    /// there is.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn record<T: Serialize>(
        &mut self,
        tenant: OrganizationId,
        action: &str,
        target: String,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Result<(), StoreError> {
        let written = |state: Option<&T>| state.map(serde_json::to_value).transpose().map_err(unwritable);
        let (before, after) = match (written(before)?, written(after)?) {
            (Some(before), Some(after)) => {
                let (before, after) = differing(before, after);
                (Some(before), Some(after))
            }
            one => one,
        };
        let same = entry_of(self.state, self.caller, tenant, self.origin.clone());
        let entry = Entry { action: action.to_owned(), target, before, after, ..same };
        audit_log::insert(&mut self.transaction, &entry).await
    }

    /// Enters something into the audit log that was done to the platform's own.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn record_of_platform(
        &mut self,
        action: &str,
        target: String,
        after: Value,
    ) -> Result<(), StoreError> {
        let same = entry_of(self.state, self.caller, self.caller.organization.id, self.origin.clone());
        let (action, after) = (action.to_owned(), Some(after));
        let entry = Entry { organization_id: None, action, target, after, ..same };
        audit_log::insert(&mut self.transaction, &entry).await
    }

    /// Commits, forgets what this replica knew of the credentials, and hands the events to the relay. Dropped
    /// uncommitted, nothing of it has happened.
    ///
    /// # Errors
    /// When the database is unavailable; whether it was committed is then unknown.
    pub async fn commit(self) -> Result<(), StoreError> {
        let committed = self.transaction.commit().await;
        // The other replicas hear of it from the broker. Without an answer it may have been committed too.
        for tenant in self.tenants {
            self.state.credentials.forget(tenant);
        }
        committed?;
        self.state.relay.hand_over(self.events);
        Ok(())
    }
}

/// What cannot be written as JSON cannot be stored.
fn unwritable(error: serde_json::Error) -> StoreError {
    sqlx::Error::Encode(Box::new(error)).into()
}
