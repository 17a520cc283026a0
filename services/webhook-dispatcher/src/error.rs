//! This service's errors as faults: everything that a caller can be told, on one screen.

use crate::usecases::create_subscription::CreateSubscriptionError;
use crate::usecases::put_lex_subscription::PutError;
use crate::usecases::recover::RecoverError;
use crate::usecases::send_test::SendError;
use crate::usecases::update_subscription::UpdateSubscriptionError;
use contracts::FaultCode;
use platform::{Fault, Violation};
use std::fmt::Display;

/// What is said of everything that does not exist, or not for this caller.
pub fn missing(what: &str) -> Fault {
    Fault::new(FaultCode::NotFound, format!("there is no such {what}"))
}

fn invalid(field: &str, message: impl Display) -> Fault {
    Fault::validation(vec![Violation::new(field, message.to_string())])
}

fn conflict(error: &impl Display) -> Fault {
    Fault::new(FaultCode::Conflict, error.to_string())
}

impl From<CreateSubscriptionError> for Fault {
    fn from(error: CreateSubscriptionError) -> Self {
        match error {
            CreateSubscriptionError::Url(refused) => invalid("url", refused),
            CreateSubscriptionError::TooMany => conflict(&error),
            CreateSubscriptionError::Gone => missing("client"),
            CreateSubscriptionError::Taken => missing("subscription"),
            CreateSubscriptionError::Secret(error) => Self::internal(error),
            CreateSubscriptionError::Store(error) => error.into(),
        }
    }
}

impl From<UpdateSubscriptionError> for Fault {
    fn from(error: UpdateSubscriptionError) -> Self {
        match error {
            UpdateSubscriptionError::Missing => missing("subscription"),
            UpdateSubscriptionError::Url(refused) => invalid("url", refused),
            UpdateSubscriptionError::Secret(error) => Self::internal(error),
            UpdateSubscriptionError::Store(error) => error.into(),
        }
    }
}

impl From<PutError> for Fault {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Create(error) => error.into(),
            PutError::Update(error) => error.into(),
            PutError::Store(error) => error.into(),
        }
    }
}

impl From<SendError> for Fault {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Missing => missing("subscription"),
            SendError::MissingDelivery => missing("delivery"),
            SendError::NotActive(_) => conflict(&error),
            SendError::Store(error) => error.into(),
        }
    }
}

impl From<RecoverError> for Fault {
    fn from(error: RecoverError) -> Self {
        match error {
            RecoverError::Missing => missing("subscription"),
            RecoverError::Disabled | RecoverError::Running => conflict(&error),
            RecoverError::TooEarly(_) => invalid("since", error),
            RecoverError::Empty => invalid("until", error),
            RecoverError::Store(error) => error.into(),
        }
    }
}
