//! What lex-router does, one verb per file.

pub mod charge_batch;
pub mod close_lead;
pub mod erase_person;
pub mod find_receiver;
pub mod keep_organization;
pub mod keep_subscription;
pub mod list_messages;
pub mod note_outcomes;
pub mod read_messages;
pub mod remove_organization;
pub mod run_conformance;
pub mod submit;
