//! The gateway as a whole, over HTTP, with a real PostgreSQL and Redis. What stands behind it is an echo that
//! shows what arrives there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its surroundings fail")]

mod degraded;
mod echo;
mod harness;
mod http_api_clients;
mod http_api_keys;
mod http_limits;
mod http_oauth;
mod http_organizations;
mod http_proxy;
mod http_rotation;
mod http_routing;
mod http_service_credentials;
mod http_tokens;
mod raw;
