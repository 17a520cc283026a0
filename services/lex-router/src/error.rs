//! This service's errors as faults: everything that a caller can be told beside the verdicts on messages.

use crate::usecases::submit::SubmitError;
use contracts::FaultCode;
use platform::Fault;

impl From<SubmitError> for Fault {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Foreign => {
                Self::new(FaultCode::Forbidden, "senderId is not an id of the caller's organization")
            }
            SubmitError::Scope(scope) => Self::new(
                FaultCode::Forbidden,
                format!("the scope {scope} is needed for messages of this type"),
            )
            .requiring(scope),
            SubmitError::Peer(error) => Self::unavailable(error),
            SubmitError::Write(error) => error.into(),
            SubmitError::Store(error) => error.into(),
        }
    }
}
