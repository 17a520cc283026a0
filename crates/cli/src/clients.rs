//! One file per remote.

pub mod gateway;
