//! An end in time for whatever is awaited from the database.
//!
//! The pool bounds the wait for a connection and the server bounds its statements, but neither helps when the
//! server, or the network before it, hangs with the socket open. Nothing is taken back on the server: a
//! statement that was given up may still be carried out.

use crate::error::StoreError;
use std::future::Future;
use std::time::Duration;

/// For ordinary work. A little more than the default `statement_timeout`, so that a server that still answers
/// has the first word.
pub const LIMIT: Duration = Duration::from_secs(12);

/// Awaits work for at most `limit`.
///
/// # Errors
/// What the work fails with, or [`StoreError::Unavailable`] when the time is over.
pub async fn within<T, E>(limit: Duration, work: impl Future<Output = Result<T, E>>) -> Result<T, StoreError>
where
    StoreError: From<E>,
{
    match tokio::time::timeout(limit, work).await {
        Ok(result) => Ok(result?),
        Err(_elapsed) => Err(StoreError::timed_out()),
    }
}
