//! The HTTP side: the guard that every request passes, the way to other services, and the routes of the
//! control plane. Data transfer objects stay in here, next to their handlers.

pub mod api_clients;
pub mod api_keys;
pub mod audit_log;
pub mod browser;
pub mod changes;
pub mod cors;
pub mod credentials;
pub mod dead_letters;
pub mod erase;
pub mod fields;
pub mod guard;
pub mod internal;
pub mod limit_headers;
pub mod oauth;
pub mod organizations;
pub mod pages;
pub mod passed_on;
pub mod permissions;
pub mod proxy;
pub mod reference;
pub mod replays;
pub mod routes;
pub mod services;
pub mod usage;
