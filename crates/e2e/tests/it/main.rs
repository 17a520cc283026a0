//! Stories of a whole system. They run alone, one after the other.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a story ends where its surroundings fail")]

mod automations;
mod canary;
mod chaos;
mod console;
mod console_tenancy;
mod contract;
mod dead_letters;
mod dead_letters_replay;
mod deployed;
mod dispatchers;
mod dispatchers_recovery;
mod figures;
mod guides;
mod lead_to_webhook;
mod lex_exchange;
mod life_cycle;
mod outages;
mod platform_surface;
mod story;
mod tenancy;
mod tenant;
mod tracing;
mod usage;
