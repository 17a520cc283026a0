//! Leads: what one is made of, what becomes of it, and the rules that need no database. No async, no I/O, no
//! clock.

pub mod crm;
pub mod lead;
pub mod life_cycle;
pub mod orchestration;
pub mod phone;
