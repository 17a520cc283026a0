//! This service's errors as faults: everything that a caller can be told, on one screen.

use crate::usecases::accept_lead::AcceptLeadError;
use crate::usecases::change_status::ChangeStatusError;
use contracts::FaultCode;
use platform::Fault;

impl From<AcceptLeadError> for Fault {
    fn from(error: AcceptLeadError) -> Self {
        match error {
            AcceptLeadError::Mismatch => Self::new(
                FaultCode::IdempotencyMismatch,
                "this correlation_id was used before with another body",
            ),
            AcceptLeadError::Write(error) => error.into(),
            AcceptLeadError::Encode(error) => Self::internal(error),
        }
    }
}

impl From<ChangeStatusError> for Fault {
    fn from(error: ChangeStatusError) -> Self {
        match error {
            ChangeStatusError::Store(error) => error.into(),
            ChangeStatusError::Encode(error) => Self::internal(error),
        }
    }
}
