//! The SQL of schema `gateway`, one file per aggregate. Row types stay in here.

use platform_pg::StoreError;

pub mod clients;
pub mod credentials;
pub mod jti_claims;
pub mod organizations;

/// A value of the table that the domain does not know: written by a newer version, or by hand.
fn unknown(what: &'static str, value: &str) -> StoreError {
    sqlx::Error::Decode(format!("unknown {what} {value:?}").into()).into()
}
