//! This service's errors as faults: everything that a caller can be told, on one screen.

use crate::usecases::write::WriteError;
use contracts::FaultCode;
use platform::{Fault, Violation};
use platform_pg::StoreError;

/// Not there, somebody else's, or no id at all: told alike.
pub fn not_found() -> Fault {
    Fault::new(FaultCode::NotFound, "Resource not found.")
}

impl From<WriteError> for Fault {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NotFound => not_found(),
            WriteError::PreconditionFailed => {
                Self::new(FaultCode::PreconditionFailed, "The resource has been changed in the meantime.")
            }
            WriteError::KeyReused => Self {
                violations: vec![Violation::new(
                    "Idempotency-Key",
                    "has already been used for a different request",
                )],
                ..Self::new(FaultCode::IdempotencyMismatch, "the idempotency key was used before")
            },
            WriteError::Invalid(violations) => Self::validation(violations),
            // Concurrent changes kept taking the same value; alone it would have been done or refused.
            WriteError::Store(error @ StoreError::Unique { .. }) => Self::unavailable(error),
            WriteError::Store(error) => error.into(),
            WriteError::Encode(error) => Self::internal(error),
        }
    }
}
