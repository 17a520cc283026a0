//! One file per remote.

pub mod requests;
