//! How long a session lasts.

use serde::Deserialize;
use std::time::Duration;

/// `[console]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsoleSettings {
    /// A session that is not used for so long has ended.
    #[serde(with = "humantime_serde")]
    pub idle: Duration,
    /// No session lasts longer, however much it is used.
    #[serde(with = "humantime_serde")]
    pub lifetime: Duration,
    /// Sign-ins per minute and address, right or wrong.
    pub sign_ins_per_minute: u64,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self { idle: Duration::from_mins(30), lifetime: Duration::from_hours(12), sign_ins_per_minute: 10 }
    }
}
