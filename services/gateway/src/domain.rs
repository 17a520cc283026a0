//! Organisations, clients, credentials, tokens, limits and paths: the rules that need no database. No async,
//! no I/O, no clock.

pub mod access;
pub mod access_token;
pub mod audit;
pub mod client;
pub mod credential;
pub mod forwarding;
pub mod limits;
pub mod oauth;
pub mod organization;
pub mod path;
pub mod replay;
pub mod scopes;
pub mod token;
pub mod usage;
pub mod usage_report;
pub mod words;
