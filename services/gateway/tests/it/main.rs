//! The gateway as a whole, over HTTP, with a real PostgreSQL and Redis. What stands behind it is an echo that
//! shows what arrives there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its surroundings fail")]

mod announces;
mod browser;
mod contracts;
mod credentials_cache;
mod degraded;
mod degraded_usage;
mod dispatcher;
mod echo;
mod harness;
mod http_api_clients;
mod http_api_keys;
mod http_attacks;
mod http_audit_log;
mod http_console;
mod http_console_crm;
mod http_cors;
mod http_dead_letters;
mod http_edge;
mod http_erase;
mod http_facts;
mod http_idempotency;
mod http_internal;
mod http_limits;
mod http_limits_shared;
mod http_oauth;
mod http_organizations;
mod http_proxy;
mod http_reference;
mod http_rotation;
mod http_routing;
mod http_service_credentials;
mod http_services;
mod http_tokens;
mod http_update_clients;
mod http_update_organizations;
mod http_usage;
mod raw;
mod tenancy;
