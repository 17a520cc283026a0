//! Pure types and rules: events, snapshots, whom they are about, and who is meant.

pub mod actor;
pub mod event;
pub mod roster;
pub mod rules;
pub mod snapshot;
pub mod timeline;
