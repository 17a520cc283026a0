//! The subscriptions in memory, brought up to date before they are used.
//!
//! Every write to a subscription bumps a version in its transaction. Whoever matches events or looks for due
//! deliveries reads that version first and loads what is newer: no replica works with an old snapshot.

use crate::domain::snapshot::Snapshot;
use crate::store::subscriptions;
use platform_pg::StoreError;
use sqlx::PgConnection;
use std::sync::{Arc, PoisonError, RwLock};

/// The shared snapshot of a process.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions(Arc<RwLock<Arc<Snapshot>>>);

impl Subscriptions {
    /// As of the last refresh.
    pub fn current(&self) -> Arc<Snapshot> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As of now: everything that was committed before this call.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn refreshed(&self, connection: &mut PgConnection) -> Result<Arc<Snapshot>, StoreError> {
        let version = subscriptions::version(connection).await?;
        let known = self.current();
        if known.version() >= version {
            return Ok(known);
        }
        let (changed, newest) = subscriptions::changed_since(connection, known.version()).await?;
        let fresh = Arc::new(known.with(version.max(newest), changed));
        let mut shared = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have got further in the meantime.
        if shared.version() < fresh.version() {
            *shared = fresh.clone();
        }
        Ok(fresh)
    }
}
