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
use url::Url;

/// The settings of lead-intake.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub identity: IdentitySettings,
    pub database: DatabaseSettings,
    pub broker: BrokerSettings,
    pub redis: RedisSettings,
    pub hubspot: HubspotSettings,
    #[serde(default)]
    pub telemetry: TelemetrySettings,
}

/// `[hubspot]`. The base of the settings has every value but the token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubspotSettings {
    pub base_url: Url,
    /// Where contacts and deals are.
    pub objects_prefix: String,
    /// Where associations are.
    pub associations_prefix: String,
    /// Of a private app or OAuth. Without one leads do not go to HubSpot.
    #[serde(default)]
    pub token: Option<SecretString>,
    /// For one call and its whole answer.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// The most leads of one call; HubSpot takes 100.
    pub batch: u8,
    /// Calls at once, of one replica.
    pub concurrency: u8,
    /// The pipeline of new deals, by HubSpot's internal name.
    pub pipeline: String,
    /// The stage of new deals, by HubSpot's internal name.
    pub stage: String,
}

/// The base of the settings: everything that is not secret and not an address.
pub const BASE: &str = include_str!("../../../deploy/config/lead-intake.toml");

impl Settings {
    /// # Errors
    /// When a value is missing, malformed or unknown.
    pub fn load() -> Result<Self, SettingsError> {
        platform::settings::load(SERVICE, BASE)
    }
}
