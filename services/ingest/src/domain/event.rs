//! An event of a batch, and why one is refused.

use super::actor::Actor;
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// An event that passed validation; whom it means is still to be found out.
#[derive(Clone, Debug)]
pub struct NewEvent<'d> {
    pub event_type: Cow<'d, str>,
    pub category: Category,
    /// When it happened; the time of acceptance where it does not say.
    pub timestamp: Option<DateTime<Utc>>,
    /// Seconds.
    pub duration: Option<i32>,
    pub actor: Actor,
    /// As it was sent.
    pub metadata: Option<&'d RawValue>,
}

/// Why an event is refused while others of its batch may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub code: RejectionCode,
    pub message: String,
}

impl Rejection {
    pub fn new(code: RejectionCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$note])* $variant,)* }

        impl $name {
            /// The word in the contract, in the table and in events.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    )*};
}

words! {
    /// The bucket of the monitoring dashboard.
    Category {
        Communication = "communication",
        ProjectManagement = "project_management",
        Code = "code",
        Calendar = "calendar",
        Design = "design",
        AiTools = "ai_tools",
        Other = "other",
    }
    /// The codes of single events; the contract's own words.
    RejectionCode {
        InvalidBody = "invalid_body",
        ForbiddenEventType = "forbidden_event_type",
        MissingActor = "missing_actor",
        /// A worker's own id that is nobody's in the organisation.
        WorkerNotFound = "worker_not_found",
        /// It would make one worker more than the plan allows.
        PlanLimit = "plan_limit",
    }
}

impl Category {
    const ALL: [Self; 7] = [
        Self::Communication,
        Self::ProjectManagement,
        Self::Code,
        Self::Calendar,
        Self::Design,
        Self::AiTools,
        Self::Other,
    ];

    /// The reverse of [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == word)
    }
}
