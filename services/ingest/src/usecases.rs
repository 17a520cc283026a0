//! One verb per file.

pub mod announce;
pub mod erase_person;
pub mod find_workers;
pub mod ingest_batch;
pub mod ingest_snapshot;
pub mod once;
pub mod read_usage;
pub mod read_workers;
pub mod remove_organization;
