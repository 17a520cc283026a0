//! Leads: what one is made of and the rules that need no database. No async, no I/O, no clock.

pub mod lead;
pub mod phone;
