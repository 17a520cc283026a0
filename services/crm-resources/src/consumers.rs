//! One file per queue.

use platform_broker::HandleError;
use platform_pg::StoreError;

pub mod automations;
pub mod organizations;

/// A database that is down holds messages; anything else is tried again later.
fn disposition(error: StoreError) -> HandleError {
    if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::transient(error) }
}
