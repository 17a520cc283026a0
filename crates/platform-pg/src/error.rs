//! What can go wrong in a store, sorted by what the caller can do about it.

use platform::Fault;
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
            StoreError::Unavailable(_) => Self::unavailable(error),
            StoreError::Unique { .. } | StoreError::Refused(_) => Self::internal(error),
        }
    }
}

/// Connection trouble, and the SQLSTATE classes of a server that cannot work now (PostgreSQL, appendix A):
/// 08 connection, 53 resources, 57 operator intervention (restart, statement timeout), 25006 read-only after
/// a failover, 40 rolled back by contention, 55P03 a lock that could not be had in time.
fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| {
            ["08", "53", "57", "40"].iter().any(|class| code.starts_with(class))
                || code == "25006"
                || code == "55P03"
        }),
        _ => false,
    }
}
