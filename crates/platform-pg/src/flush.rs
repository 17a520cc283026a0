//! Commits that are not waited for, and the wait for them at a later time.
//!
//! A statement with `synchronous_commit` off is visible to everybody at once and on disk a little later; a crash of
//! PostgreSQL in between takes it back. Whoever works on meanwhile calls [`flush`] before promising anything that
//! rests on it.

use crate::error::StoreError;
use sqlx::PgConnection;

/// Waits until everything that this connection has committed is durable, on standbys too where commits wait for them.
/// On no other connection: a crash ends all of them, so that one which lives has lost nothing, and a new one knows
/// nothing of what was lost.
///
/// # Errors
/// When the connection is lost. What it committed may be lost then.
pub async fn flush(connection: &mut PgConnection) -> Result<(), StoreError> {
    // A record of nothing, in a transaction whose commit is waited for. One that writes nothing waits for nothing.
    sqlx::query("select from pg_logical_emit_message(true, 'leadwire', '')").execute(connection).await?;
    Ok(())
}
