//! One verb per file; each opens its own transaction.

pub mod accept_lead;
pub mod carry_on;
pub mod change_status;
pub mod check_health;
pub mod erase_person;
pub mod find_lead;
pub mod list_leads;
pub mod note_outcomes;
pub mod remove_organization;
pub mod start_orchestrations;
