//! PostgreSQL for every service: pool, kept connections, store errors, migrations, group commit, the later wait for a commit,
//! idempotency, inbox, outbox with relay and sweeper, partitions and their retention, the second look at
//! organisations that are gone.
//!
//! Holds the mechanisms and the tables that every service has; the SQL of a service's own tables is in
//! that service's `store/`. Never publishes by itself: it is handed a [`platform::messaging::Publish`].

pub mod bounded;
pub mod error;
pub mod flush;
pub mod gone;
pub mod group_commit;
pub mod idempotency;
pub mod inbox;
pub mod kept;
pub mod migrations;
pub mod outbox;
mod parcels;
pub mod partitions;
pub mod pool;
pub mod relay;
pub mod retention;
mod sweeper;

pub use bounded::within;
pub use error::StoreError;
pub use flush::flush;
pub use group_commit::{GroupCommit, GroupWrite};
pub use kept::Kept;
pub use pool::{DatabaseSettings, begin_planned, begin_reading, connect};
