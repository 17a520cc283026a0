//! One file per remote.

pub mod gateway;
pub mod internal;
pub mod load;
pub mod ops;
pub mod webhook;
