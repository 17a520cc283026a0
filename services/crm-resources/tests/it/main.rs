//! crm-resources as a whole, over HTTP, with a real PostgreSQL and RabbitMQ.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

mod authoring;
mod automation_outages;
mod automations_run;
mod concurrency;
mod consume_organizations;
mod degraded;
mod erase;
mod harness;
mod http_automations;
mod http_customers;
mod http_leads;
mod http_lists;
mod http_organization;
mod http_products;
mod idempotency;
mod matrix;
mod publishes;
