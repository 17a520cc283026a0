//! What can go wrong between this process and the broker.

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use std::time::Duration;
use thiserror::Error;

/// A failed exchange with the broker. None of its texts carries a URL, a password or a payload.
#[derive(Debug, Error)]
pub enum BrokerError {
    /// The URL cannot be used; its text is withheld because it carries the password.
    #[error("the broker url is not usable: {0}")]
    InvalidUrl(&'static str),
    /// The broker took too long.
    #[error("the broker did not answer within {limit:?} ({what})")]
    Timeout { what: &'static str, limit: Duration },
    /// The broker refused, or the connection failed.
    #[error("{what}: {source}")]
    Refused {
        what: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl BrokerError {
    pub(crate) fn refused(what: &'static str) -> impl FnOnce(lapin::Error) -> Self {
        move |source| Self::Refused { what, source: Box::new(source) }
    }

    /// Whether the broker said 404: it knows no such thing, or not now.
    pub(crate) fn is_not_found(&self) -> bool {
        let Self::Refused { source, .. } = self else { return false };
        let Some(ErrorKind::ProtocolError(error)) = source.downcast_ref().map(lapin::Error::kind) else {
            return false;
        };
        *error.kind() == AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)
    }
}
