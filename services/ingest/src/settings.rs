//! What can be set from outside; the README has the table.

use crate::SERVICE;
use platform::settings::{RedisSettings, SettingsError};
use platform::telemetry::TelemetrySettings;
use platform_broker::BrokerSettings;
use platform_http::{HttpSettings, IdentitySettings};
use platform_pg::DatabaseSettings;
use serde::Deserialize;

/// The settings of ingest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub identity: IdentitySettings,
    pub database: DatabaseSettings,
    pub broker: BrokerSettings,
    /// Not used: every service has the section.
    pub redis: RedisSettings,
    pub retention: RetentionSettings,
    #[serde(default)]
    pub telemetry: TelemetrySettings,
}

/// `[retention]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSettings {
    /// After how many days events go, a month at a time.
    pub events_days: u32,
}

impl Settings {
    /// # Errors
    /// When a value is missing, malformed or unknown.
    pub fn load() -> Result<Self, SettingsError> {
        platform::settings::load(SERVICE, include_str!("../../../deploy/config/ingest.toml"))
    }
}
