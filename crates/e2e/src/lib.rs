//! Whole-system stories: a partner's view of a running Leadwire, and a system of its own whose parts a
//! story may kill. A development dependency only.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a story ends where its surroundings fail")]

pub mod bench;
pub mod chaos;
pub mod delivery;
pub mod partner;
pub mod system;
