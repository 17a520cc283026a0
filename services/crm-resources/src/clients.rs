//! One file per remote.

pub mod hosts;
pub mod requests;
