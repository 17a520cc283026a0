//! The closed list of what can go wrong at an edge, whoever raises it.
//!
//! Every dialect renders every code (matched without a wildcard), so adding one here shows each
//! place that must decide what its surface says.

/// What kind of failure a caller is told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultCode {
    /// No credential was sent.
    Unauthenticated,
    /// A credential was sent that is unknown, malformed, expired or revoked.
    CredentialInvalid,
    /// A token names an algorithm that is not accepted.
    TokenAlgorithm,
    /// A token is malformed, wrongly signed, or breaks a rule of its claims.
    TokenInvalid,
    /// A token's `exp` has passed.
    TokenExpired,
    /// A token's `jti` was used before.
    TokenReplayed,
    /// The client behind a valid credential is suspended, or its organisation's access is switched off.
    ClientSuspended,
    /// The caller may not do this.
    Forbidden,
    /// The request's `Origin` is not among those of the key.
    OriginNotAllowed,
    /// The addressed thing does not exist, or not for this caller.
    NotFound,
    /// No operation has this path.
    RouteNotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The path would change under normalisation, or a header is broken.
    BadRequest,
    /// The body is not the format that it claims to be.
    MalformedBody,
    /// The body or the query is well formed and breaks rules; the violations name each.
    Validation,
    /// The body is larger than the route allows.
    PayloadTooLarge,
    /// The body's media type or encoding is not accepted.
    UnsupportedMediaType,
    /// A unique value is taken, or the state does not allow the change.
    Conflict,
    /// The thing is not in the state that the request is conditional on (RFC 9110 §13.1).
    PreconditionFailed,
    /// An idempotency key was used before with another request.
    IdempotencyMismatch,
    /// A rate limit is used up.
    RateLimited,
    /// What the organisation's plan includes for the month is used up.
    QuotaExceeded,
    /// The organisation's plan does not include it, or not more of it.
    PlanLimit,
    /// The application may not send events of this type.
    EventTypeForbidden,
    /// Nothing in the request says whom it is about.
    ActorMissing,
    /// Whom the request is about does not exist, or not for this caller.
    ActorUnknown,
    /// Our defect.
    Internal,
    /// A dependency is down or a queue is full; nothing was accepted.
    Unavailable,
    /// The service behind the gateway could not be reached or answered nonsense.
    BadGateway,
    /// The service behind the gateway did not answer in time.
    GatewayTimeout,
}

impl FaultCode {
    /// Every code, for tables and golden tests.
    pub const ALL: [Self; 30] = [
        Self::Unauthenticated,
        Self::CredentialInvalid,
        Self::TokenAlgorithm,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::TokenReplayed,
        Self::ClientSuspended,
        Self::Forbidden,
        Self::OriginNotAllowed,
        Self::NotFound,
        Self::RouteNotFound,
        Self::MethodNotAllowed,
        Self::BadRequest,
        Self::MalformedBody,
        Self::Validation,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::IdempotencyMismatch,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::PlanLimit,
        Self::EventTypeForbidden,
        Self::ActorMissing,
        Self::ActorUnknown,
        Self::Internal,
        Self::Unavailable,
        Self::BadGateway,
        Self::GatewayTimeout,
    ];
}
