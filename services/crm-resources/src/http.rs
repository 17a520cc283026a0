//! The routes of crm-resources. What is the same for every resource is in `crud`; `resources` says which fields each has
//! and who may do what.

pub mod authoring;
pub mod automations;
pub mod crud;
pub mod internal;
pub mod leads;
pub mod list_query;
pub mod records;
pub mod resources;
pub mod routes;
pub mod run_body;
