//! This service's errors as faults: everything that a caller can be told, on one screen.

use crate::usecases::create_subscription::CreateSubscriptionError;
use platform::{Fault, Violation};

impl From<CreateSubscriptionError> for Fault {
    fn from(error: CreateSubscriptionError) -> Self {
        match error {
            CreateSubscriptionError::Url(refused) => {
                Self::validation(vec![Violation::new("url", refused.to_string())])
            }
            CreateSubscriptionError::Secret(error) => Self::internal(error),
            CreateSubscriptionError::Store(error) => error.into(),
        }
    }
}
