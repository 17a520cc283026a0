//! Stories of a whole system. They run alone, one after the other.

#![expect(clippy::unwrap_used, reason = "a story ends where its surroundings fail")]

mod lead_to_webhook;
mod outages;
mod story;
