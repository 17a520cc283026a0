//! What was answered before: the rows that make a request have one effect however often it is sent.
//!
//! Rows are claimed by a service's own statement, in the transaction of the effect (`insert … on conflict do
//! nothing`); this reads them back. Only committed outcomes are stored, never a refusal.

use crate::error::StoreError;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// A stored outcome.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Stored {
    /// Of the request that had the effect.
    pub fingerprint: Vec<u8>,
    /// The HTTP status that it was answered with.
    pub status: i16,
    /// The exact bytes of the answer.
    pub response: Vec<u8>,
}

/// The outcome under a key that is known to be taken.
///
/// # Errors
/// When there is none, or the database is unavailable.
pub async fn find(connection: &mut PgConnection, scope: Uuid, key: &str) -> Result<Stored, StoreError> {
    let stored =
        sqlx::query_as("select fingerprint, status, response from idempotency where scope = $1 and key = $2")
            .bind(scope)
            .bind(key)
            .fetch_one(connection)
            .await?;
    Ok(stored)
}
