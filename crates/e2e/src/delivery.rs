//! What a careful subscriber does with a webhook: both signatures, then the body.

use platform::clock::Clock;
use serde_json::Value;
use signing::{Family, Secret, VerifyError, standard};
use testkit::receiver::Received;

/// Verifies a delivery of the partner family with the subscription's secret; the body.
///
/// # Errors
/// When a signature is missing, wrong or too old.
pub fn verified(received: &Received, secret: &str) -> Result<Value, VerifyError> {
    verified_as(Family::Partner, received, secret)
}

/// Verifies a delivery of any family with the subscription's secret; the body.
///
/// # Errors
/// When a signature is missing, wrong or too old.
pub fn verified_as(family: Family, received: &Received, secret: &str) -> Result<Value, VerifyError> {
    let now = u64::try_from(Clock::system().now().timestamp()).unwrap();
    let secret = Secret::new(secret);
    let header = |name: &str| received.header(name).unwrap_or_default();
    family.verify(header(family.header()), &received.body, &secret, now)?;
    standard::verify(
        header("webhook-id"),
        header("webhook-timestamp"),
        header("webhook-signature"),
        &received.body,
        &secret,
        now,
    )?;
    Ok(received.json())
}
