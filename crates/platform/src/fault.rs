//! The one inner error that reaches an edge; each public dialect renders it in its own envelope.

use contracts::FaultCode;
use std::{borrow::Cow, error::Error, fmt, time::Duration};

/// What goes wrong with a request, ready to be shown.
///
/// `message` and the violations are safe for the caller; `source` is for the log and never leaves the
/// process.
#[derive(Debug)]
pub struct Fault {
    pub code: FaultCode,
    pub message: Cow<'static, str>,
    pub violations: Vec<Violation>,
    /// After how long the same request may succeed.
    pub retry_after: Option<Duration>,
    /// The scope that is missing, where a surface names it.
    pub required_scope: Option<String>,
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// One broken rule of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Dotted path: `customer.address.state`, `events.0`. Empty for the document itself.
    pub path: String,
    /// What is wrong: `is required`, `must be at most 100 characters`.
    pub message: Cow<'static, str>,
}

impl Fault {
    pub fn new(code: FaultCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            violations: Vec::new(),
            retry_after: None,
            required_scope: None,
            source: None,
        }
    }

    /// A request that is well formed and breaks rules.
    pub fn validation(violations: Vec<Violation>) -> Self {
        Self { violations, ..Self::new(FaultCode::Validation, "the request did not pass validation") }
    }

    /// Something that should not happen. The source is logged; the caller learns nothing of it.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(FaultCode::Internal, "an unexpected error occurred").because(source)
    }

    /// A dependency is down or overloaded; nothing was accepted.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(
                FaultCode::Unavailable,
                "the service is temporarily unavailable, nothing was accepted",
            )
        }
        .because(source)
    }

    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    #[must_use]
    pub fn requiring(mut self, scope: impl Into<String>) -> Self {
        self.required_scope = Some(scope.into());
        self
    }
}

impl Violation {
    pub fn new(path: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
