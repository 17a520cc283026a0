//! Stories of a whole system. They run alone, one after the other.

#![expect(clippy::unwrap_used, reason = "a story ends where its surroundings fail")]

mod canary;
mod lead_to_webhook;
mod life_cycle;
mod outages;
mod platform_surface;
mod story;
mod usage;
