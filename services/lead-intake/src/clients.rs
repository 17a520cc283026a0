//! Remotes, one file each.

pub mod hubspot;
pub mod hubspot_answers;
