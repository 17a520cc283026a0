//! What can be set from outside; the README has the table.

use crate::SERVICE;
use crate::delivery::DeliverySettings;
use platform::settings::{RedisSettings, SettingsError};
use platform::telemetry::TelemetrySettings;
use platform_broker::BrokerSettings;
use platform_http::{HttpSettings, IdentitySettings};
use platform_pg::DatabaseSettings;
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;

/// The settings of webhook-dispatcher.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub identity: IdentitySettings,
    pub database: DatabaseSettings,
    pub broker: BrokerSettings,
    /// Every service is told where Redis is; this one does not use it yet.
    #[serde(default)]
    pub redis: Option<RedisSettings>,
    pub secrets: SecretsSettings,
    pub delivery: DeliverySettings,
    pub accounting: AccountingSettings,
    #[serde(default)]
    pub telemetry: TelemetrySettings,
}

/// `[secrets]`: what subscriptions' secrets are sealed with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsSettings {
    /// `id:key,id:key`, each key 32 bytes in base64url without padding; the first seals, all of them open.
    pub encryption_keys: SecretString,
}

/// `[accounting]`: looking for events that were published and did not arrive.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountingSettings {
    /// How often.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// How old an event must be to be looked for.
    #[serde(with = "humantime_serde")]
    pub settle: Duration,
}

/// The base of the settings: everything that is not secret and not an address.
pub const BASE: &str = include_str!("../../../deploy/config/webhook-dispatcher.toml");

impl Settings {
    /// # Errors
    /// When a value is missing, malformed or unknown.
    pub fn load() -> Result<Self, SettingsError> {
        platform::settings::load(SERVICE, BASE)
    }
}
