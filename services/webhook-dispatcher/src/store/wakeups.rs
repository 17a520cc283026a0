//! Messages between replicas through the database's notifications. Hints only: whoever misses one finds the
//! same by polling.

use crate::domain::shard::Shards;
use platform_pg::StoreError;
use sqlx::postgres::PgListener;
use sqlx::{PgConnection, PgPool};

/// The channel; one for each database.
const CHANNEL: &str = "webhook_dispatcher";
/// The payload that says that leases were given back.
const LEASES: &str = "leases";

/// What another replica says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// These shards have something due.
    Due(Shards),
    /// Leases were given back.
    Leases,
}

/// Tells all replicas, when the transaction commits.
///
/// # Errors
/// When the database is unavailable.
pub async fn send(connection: &mut PgConnection, wakeup: Wakeup) -> Result<(), StoreError> {
    let payload = match wakeup {
        Wakeup::Due(shards) => format!("{:x}", shards.bits()),
        Wakeup::Leases => LEASES.to_owned(),
    };
    sqlx::query!("select pg_notify($1, $2)", CHANNEL, payload).execute(connection).await?;
    Ok(())
}

/// A connection that hears what replicas say.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    /// # Errors
    /// When the database is unavailable.
    pub async fn connect(pool: &PgPool) -> Result<Self, StoreError> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Self(listener))
    }

    /// Waits for the next message; `None` for one that is not understood.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn next(&mut self) -> Result<Option<Wakeup>, StoreError> {
        let notification = self.0.recv().await?;
        Ok(read(notification.payload()))
    }
}

fn read(payload: &str) -> Option<Wakeup> {
    if payload == LEASES {
        return Some(Wakeup::Leases);
    }
    u64::from_str_radix(payload, 16).ok().map(|bits| Wakeup::Due(Shards::from_bits(bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_back() {
        assert_eq!(read("leases"), Some(Wakeup::Leases));
        assert_eq!(read("8000000000000001"), Some(Wakeup::Due([0, 63].into_iter().collect())));
        assert_eq!(read("nonsense"), None);
    }
}
