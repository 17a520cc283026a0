//! The routes of crm-resources. What is the same for every resource is in `crud`; a resource's own file says which
//! fields it has and who may do what.

pub mod authoring;
pub mod automations;
pub mod crud;
pub mod customers;
pub mod internal;
pub mod leads;
pub mod list_query;
pub mod products;
pub mod routes;
pub mod run_body;
