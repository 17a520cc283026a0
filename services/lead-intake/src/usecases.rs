//! One verb per file; each opens its own transaction.

pub mod accept_lead;
pub mod check_health;
pub mod find_lead;
pub mod list_leads;
