//! This service's errors as faults: everything that a caller can be told, on one screen.

use crate::clients::exchange::UpstreamError;
use crate::domain::token::TokenError;
use crate::usecases::authenticate::{AuthenticateError, Refusal};
use crate::usecases::create_api_key::IssueError;
use crate::usecases::create_client::CreateClientError;
use crate::usecases::create_organization::CreateOrganizationError;
use crate::usecases::erase_person::ErasePersonError;
use crate::usecases::grant::GrantError;
use crate::usecases::locate::LocateError;
use crate::usecases::look_at_dead_letters::LookError;
use crate::usecases::read_usage::ReadUsageError;
use crate::usecases::replay_dead_letters::ReplayError;
use crate::usecases::update_client::UpdateClientError;
use crate::usecases::update_organization::UpdateOrganizationError;
use contracts::FaultCode;
use platform::Fault;

impl From<AuthenticateError> for Fault {
    fn from(error: AuthenticateError) -> Self {
        use AuthenticateError as E;
        let told = |code| Self::new(code, error.to_string());
        match error {
            E::Missing => told(FaultCode::Unauthenticated),
            E::KeyInvalid => told(FaultCode::CredentialInvalid),
            E::Token(TokenError::Algorithm) => told(FaultCode::TokenAlgorithm),
            E::Token(TokenError::Invalid(_)) => told(FaultCode::TokenInvalid),
            E::Token(TokenError::Expired) => told(FaultCode::TokenExpired),
            E::Replayed => told(FaultCode::TokenReplayed),
            E::Recognised { refusal: Refusal::ScopeNotHeld, .. } => told(FaultCode::Forbidden),
            E::Recognised { refusal: Refusal::Suspended, .. } => told(FaultCode::ClientSuspended),
            E::Recognised { refusal: Refusal::OriginNotAllowed, .. } => told(FaultCode::OriginNotAllowed),
            E::Claim(error) => error.into(),
            E::Secret(error) => Self::internal(error),
            E::Store(error) => error.into(),
        }
    }
}

impl From<LocateError> for Fault {
    fn from(error: LocateError) -> Self {
        match error {
            LocateError::NoSuchClient | LocateError::NoSuchOrganization => {
                Self::new(FaultCode::NotFound, error.to_string())
            }
            LocateError::Store(error) => error.into(),
        }
    }
}

impl From<GrantError> for Fault {
    fn from(error: GrantError) -> Self {
        Self::new(FaultCode::Forbidden, error.to_string())
    }
}

impl From<CreateOrganizationError> for Fault {
    fn from(error: CreateOrganizationError) -> Self {
        match error {
            CreateOrganizationError::SlugTaken | CreateOrganizationError::LexNameTaken => {
                Self::new(FaultCode::Conflict, error.to_string())
            }
            CreateOrganizationError::Store(error) => error.into(),
        }
    }
}

impl From<UpdateOrganizationError> for Fault {
    fn from(error: UpdateOrganizationError) -> Self {
        use UpdateOrganizationError as E;
        match error {
            E::NoSuchOrganization => Self::new(FaultCode::NotFound, error.to_string()),
            E::Invalid(violations) => Self::validation(violations),
            E::LexNameTaken | E::Own => Self::new(FaultCode::Conflict, error.to_string()),
            E::Store(error) => error.into(),
        }
    }
}

impl From<UpdateClientError> for Fault {
    fn from(error: UpdateClientError) -> Self {
        use UpdateClientError as E;
        match error {
            E::NoSuchClient => Self::new(FaultCode::NotFound, error.to_string()),
            E::Invalid(violations) => Self::validation(violations),
            E::Itself => Self::new(FaultCode::Conflict, error.to_string()),
            E::Grant(error) => error.into(),
            E::Store(error) => error.into(),
        }
    }
}

impl From<CreateClientError> for Fault {
    fn from(error: CreateClientError) -> Self {
        match error {
            CreateClientError::NoSuchOrganization => Self::new(FaultCode::NotFound, error.to_string()),
            CreateClientError::Grant(error) => error.into(),
            CreateClientError::Store(error) => error.into(),
        }
    }
}

impl From<IssueError> for Fault {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::NoSuchClient | IssueError::NoSuchCredential => {
                Self::new(FaultCode::NotFound, error.to_string())
            }
            IssueError::Ended => Self::new(FaultCode::Conflict, error.to_string()),
            IssueError::Grant(error) => error.into(),
            IssueError::Secret(error) => Self::internal(error),
            IssueError::Store(error) => error.into(),
        }
    }
}

impl From<ErasePersonError> for Fault {
    fn from(error: ErasePersonError) -> Self {
        match error {
            ErasePersonError::NoSuchOrganization => Self::new(FaultCode::NotFound, error.to_string()),
            ErasePersonError::Unreached(_) => {
                Self { message: error.to_string().into(), ..Self::unavailable(error) }
            }
            ErasePersonError::Store(error) => error.into(),
        }
    }
}

impl From<LookError> for Fault {
    fn from(error: LookError) -> Self {
        use LookError as E;
        match error {
            E::NoSuchQueue | E::NoSuchMessage => Self::new(FaultCode::NotFound, error.to_string()),
            E::InUse | E::Missing => Self::new(FaultCode::Conflict, error.to_string()),
            E::Gone => Self::internal(error),
            E::Broker(error) => Self::unavailable(error),
            E::Store(error) => error.into(),
        }
    }
}

impl From<ReplayError> for Fault {
    fn from(error: ReplayError) -> Self {
        use ReplayError as E;
        match error {
            E::NoSuchQueue | E::NoSuchReplay => Self::new(FaultCode::NotFound, error.to_string()),
            E::Unrouted | E::UnderWay | E::Ended => Self::new(FaultCode::Conflict, error.to_string()),
            E::Store(error) => error.into(),
        }
    }
}

impl From<ReadUsageError> for Fault {
    fn from(error: ReadUsageError) -> Self {
        match error {
            ReadUsageError::NoSuchClient => Self::new(FaultCode::NotFound, error.to_string()),
            ReadUsageError::Stretch(violations) => Self::validation(violations),
            ReadUsageError::Subscriptions(error) => Self {
                message: "the webhooks cannot be looked up, try again".into(),
                ..Self::unavailable(error)
            },
            ReadUsageError::Store(error) => error.into(),
        }
    }
}

impl From<UpstreamError> for Fault {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Refused(_) | UpstreamError::Unconfigured => Self::unavailable(error),
            UpstreamError::Timeout => {
                Self::new(FaultCode::GatewayTimeout, "the service did not answer in time").because(error)
            }
            UpstreamError::Broken(_) => {
                Self::new(FaultCode::BadGateway, "the service broke off its answer").because(error)
            }
            UpstreamError::Address(_) => {
                Self::new(FaultCode::BadRequest, "the path or the query is malformed").because(error)
            }
        }
    }
}
