//! The queues of lex-router, one file each.

pub mod organizations;
pub mod outcomes;

use platform_broker::HandleError;
use platform_pg::StoreError;

/// A database that is down is waited for; anything else may pass.
fn of_store(error: StoreError) -> HandleError {
    if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::transient(error) }
}

/// The data of an event that is not what its type says.
#[derive(Debug, thiserror::Error)]
#[error("the data does not decode")]
struct Unreadable;
