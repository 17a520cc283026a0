//! One verb per file. What changes something goes through [`write::Write`], the transaction of a change.

pub mod automations;
pub mod convert_lead;
pub mod create;
pub mod delete;
pub mod delete_organization;
pub mod erase_person;
pub mod find;
pub mod list;
pub mod start_runs;
pub mod take_step;
pub mod update;
pub mod write;
