//! This service's errors as faults: everything that a caller can be told beside the verdicts on single events.

use crate::usecases::once::WriteError;
use contracts::FaultCode;
use platform::Fault;

impl From<WriteError> for Fault {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(fault) => *fault,
            WriteError::Quota { resets_in } => {
                let message = "the plan's events of this month are used up";
                Self::new(FaultCode::QuotaExceeded, message).retry_after(resets_in)
            }
            WriteError::Store(error) => error.into(),
            WriteError::Encode(error) => Self::internal(error),
        }
    }
}
