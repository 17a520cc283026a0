//! The rules of CRM resources and automations that need no database. No async, no I/O, no clock. The resources
//! themselves are in [`contracts::crm`], because callers and subscribers see them as they are.

pub mod automation;
pub mod change;
pub mod customer;
pub mod definition;
pub mod expression;
pub mod fields;
pub mod file;
pub mod lead;
pub mod listing;
pub mod page_mark;
pub mod precondition;
pub mod product;
pub mod run;
