//! webhook-dispatcher as a whole, with a real PostgreSQL, RabbitMQ and receivers on real sockets.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

mod changes;
mod consume_control;
mod consume_events;
mod degraded;
mod deliver;
mod harness;
mod hostile;
mod http_accounting;
mod http_dialects;
mod http_erase;
mod http_figures;
mod http_foreign;
mod http_found;
mod http_internal;
mod http_operation;
mod http_organization;
mod http_organization_subscriptions;
mod http_partner;
mod http_platform;
mod http_routes;
mod http_subscriptions;
mod isolation;
mod lex;
mod lex_deliveries;
mod lex_expiry;
mod lex_http;
mod lex_matching;
mod lex_notices;
mod lex_waiting;
mod outcomes;
mod platform_deliveries;
mod published_libraries;
mod reconcile;
mod recover;
mod replicas;
mod retention;
