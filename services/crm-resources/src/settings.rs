//! What can be set from outside; the README has the table.

use crate::SERVICE;
use platform::settings::{RedisSettings, SettingsError};
use platform::telemetry::TelemetrySettings;
use platform_broker::BrokerSettings;
use platform_http::{HttpSettings, IdentitySettings};
use platform_pg::DatabaseSettings;
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;

/// The settings of crm-resources.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub identity: IdentitySettings,
    pub database: DatabaseSettings,
    pub broker: BrokerSettings,
    pub redis: RedisSettings,
    pub automations: AutomationSettings,
    #[serde(default)]
    pub telemetry: TelemetrySettings,
}

/// `[automations]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutomationSettings {
    /// What the secrets of http requests are derived from: 32 bytes in base64url. Without it no automation may have
    /// such steps.
    pub signing_key: Option<SecretString>,
    /// Permits http, loopback and private networks, as in the local stack.
    #[serde(default)]
    pub allow_private_networks: bool,
    /// How often the engine looks for runs that are due. Those that events start do not wait for it.
    #[serde(with = "humantime_serde")]
    pub poll_interval: Duration,
    /// How long a run belongs to whoever took it, from each step on: longer than any step takes.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
}

impl Settings {
    /// # Errors
    /// When a value is missing, malformed or unknown.
    pub fn load() -> Result<Self, SettingsError> {
        platform::settings::load(SERVICE, include_str!("../../../deploy/config/crm-resources.toml"))
    }
}
