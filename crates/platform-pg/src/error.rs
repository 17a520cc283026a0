//! What can go wrong in a store, sorted by what the caller can do about it.

use platform::Fault;
use std::io;
use std::sync::Arc;

/// A failed database operation.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is down, starting, failing over or overloaded. Whether the work was done is unknown;
    /// trying again later is right.
    #[error("the database is unavailable")]
    Unavailable(#[source] Arc<sqlx::Error>),
    /// A unique constraint, by its name.
    #[error("unique constraint {constraint} is violated")]
    Unique { constraint: String },
    /// Our defect, or data that the schema refuses.
    #[error("the database refused the statement")]
    Refused(#[source] Arc<sqlx::Error>),
}

impl StoreError {
    /// Whether this is a violation of the named unique constraint.
    pub fn violates(&self, name: &str) -> bool {
        matches!(self, Self::Unique { constraint } if constraint == name)
    }

    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The answer did not come in time.
    pub(crate) fn timed_out() -> Self {
        Self::Unavailable(Arc::new(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
    }

    /// A row that must be there, by our own doing, is not as it must be.
    pub(crate) fn inconsistent(what: String) -> Self {
        Self::Refused(Arc::new(sqlx::Error::Decode(what.into())))
    }

    /// Whether the statement is wrong whatever the rows are: a missing table or column, a missing right
    /// (class 42).
    pub(crate) fn concerns_every_row(&self) -> bool {
        matches!(self, Self::Refused(error) if code(error).is_some_and(|code| code.starts_with("42")))
    }

    /// As when a row has no partition (SQLSTATE 23514 without a constraint): the maintainer will make it.
    #[must_use]
    pub fn awaiting_partition(self) -> Self {
        match self {
            Self::Refused(error) if is_without_partition(&error) => Self::Unavailable(error),
            other => other,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let Some(database) = error.as_database_error()
            && database.is_unique_violation()
            && let Some(constraint) = database.constraint()
        {
            return Self::Unique { constraint: constraint.to_owned() };
        }
        if is_unavailable(&error) {
            Self::Unavailable(Arc::new(error))
        } else {
            Self::Refused(Arc::new(error))
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            // Not "nothing was accepted": a commit whose answer was lost may have been one.
            StoreError::Unavailable(_) => Self {
                message: "the service is temporarily unavailable, try again".into(),
                ..Self::unavailable(error)
            },
            StoreError::Unique { .. } | StoreError::Refused(_) => Self::internal(error),
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

fn is_without_partition(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|database| database.is_check_violation() && database.constraint().is_none())
}

/// Connection trouble, and the SQLSTATE classes of a server that cannot work now (PostgreSQL, appendix A):
/// 08 connection, 53 resources, 57 operator intervention (restart, statement timeout), 58 system error, 40
/// rolled back by contention, 25006 read-only after a failover, 25P03 and 25P04 a transaction that was ended
/// for its idleness or age, 55P03 a lock that could not be had in time.
fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| {
            ["08", "53", "57", "58", "40"].iter().any(|class| code.starts_with(class))
                || ["25006", "25P03", "25P04", "55P03"].contains(&code.as_ref())
        }),
        _ => false,
    }
}
