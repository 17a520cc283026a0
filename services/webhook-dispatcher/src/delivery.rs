//! The delivery engine: from due rows to signed requests to settled rows.
//!
//! One task decides everything ([`engine`]); what waits (requests, queries) runs beside it and reports back.
//! Replicas divide the subscriptions by leases on shards ([`lease`]). The schedule lives in the database: a
//! process that dies loses nothing but the requests in flight, which are made again with the same id.

mod engine;
mod gate;
mod lease;
mod schedule;
mod scheduler;
mod sender;
mod settings;
mod settle;
mod settled;
mod survey;
mod wake;
mod window;

pub use engine::Engine;
pub use settings::DeliverySettings;
pub use wake::{Made, Wake};
pub use window::Due;
