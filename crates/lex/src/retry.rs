//! The retry schedule of LEX as data, what is worth a retry, and what a sender says of its own (LEX reference §6).

use crate::Message;
use crate::node::Node;

/// Seconds from one failed attempt to the next, counted from the one before. The first attempt is at once.
pub const SCHEDULE: [u64; 5] = [30, 120, 600, 1_800, 3_600];

/// After so many the message is a dead letter.
pub const MAX_ATTEMPTS: u32 = 6;

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Timeout,
    RateLimited,
    Internal,
    BadGateway,
    Unavailable,
    Unreachable,
    TlsHandshake,
    BadRequest,
    Unauthorized,
    NotFound,
    /// Any other answer that is no success.
    Status(u16),
}

/// Whether another attempt may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// As the schedule says.
    Schedule,
    /// As the schedule says, but no more than so many.
    AtMost(u32),
    Never,
}

impl Failure {
    /// What an answer that is no success means.
    pub fn of_status(status: u16) -> Self {
        match status {
            400 => Self::BadRequest,
            401 => Self::Unauthorized,
            404 => Self::NotFound,
            408 => Self::Timeout,
            429 => Self::RateLimited,
            500 => Self::Internal,
            502 => Self::BadGateway,
            503 => Self::Unavailable,
            other => Self::Status(other),
        }
    }

    /// Its name in `retryContext.lastFailureReason` and in dead letters.
    pub fn name(self) -> String {
        match self {
            Self::Timeout => "HTTP_408_TIMEOUT".to_owned(),
            Self::RateLimited => "HTTP_429_RATE_LIMITED".to_owned(),
            Self::Internal => "HTTP_500_INTERNAL_ERROR".to_owned(),
            Self::BadGateway => "HTTP_502_BAD_GATEWAY".to_owned(),
            Self::Unavailable => "HTTP_503_SERVICE_UNAVAILABLE".to_owned(),
            Self::Unreachable => "NETWORK_UNREACHABLE".to_owned(),
            Self::TlsHandshake => "TLS_HANDSHAKE_FAILURE".to_owned(),
            Self::BadRequest => "HTTP_400_BAD_REQUEST".to_owned(),
            Self::Unauthorized => "HTTP_401_UNAUTHORIZED".to_owned(),
            Self::NotFound => "HTTP_404_NOT_FOUND".to_owned(),
            Self::Status(status) => format!("HTTP_{status}"),
        }
    }

    /// The table names the common answers; of the others, a fault of the receiver (5xx) may pass, the rest will not.
    pub fn retry(self) -> Retry {
        match self {
            Self::Timeout
            | Self::RateLimited
            | Self::Internal
            | Self::BadGateway
            | Self::Unavailable
            | Self::Unreachable => Retry::Schedule,
            Self::TlsHandshake => Retry::AtMost(3),
            Self::Status(status) if status >= 500 || status == 425 => Retry::Schedule,
            Self::BadRequest | Self::Unauthorized | Self::NotFound | Self::Status(_) => Retry::Never,
        }
    }
}

/// The number that a sender gives to its own attempt. It is for the reader's eyes: no rule looks at it.
pub fn attempt_number(message: &Message) -> Option<u64> {
    let context = Node::root("retryContext", message.header().and_then(|header| header.get("retryContext")));
    context.get("attemptNumber").value()?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_ends_with_the_last_attempt() {
        assert_eq!(SCHEDULE.len() + 1, MAX_ATTEMPTS as usize);
    }

    #[test]
    fn what_will_not_change_is_not_tried_again() {
        for (status, retry) in [
            (400, Retry::Never),
            (401, Retry::Never),
            (404, Retry::Never),
            (410, Retry::Never),
            (408, Retry::Schedule),
            (429, Retry::Schedule),
            (500, Retry::Schedule),
            (504, Retry::Schedule),
        ] {
            assert_eq!(Failure::of_status(status).retry(), retry, "{status}");
        }
        assert_eq!(Failure::TlsHandshake.retry(), Retry::AtMost(3));
        assert_eq!(Failure::of_status(503).name(), "HTTP_503_SERVICE_UNAVAILABLE");
        assert_eq!(Failure::of_status(504).name(), "HTTP_504");
    }
}
