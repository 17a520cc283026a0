//! What can be set from outside; the README has the table.

use crate::SERVICE;
use platform::settings::{RedisSettings, SettingsError};
use platform::telemetry::TelemetrySettings;
use platform_broker::BrokerSettings;
use platform_http::{HttpSettings, IdentitySettings};
use platform_pg::DatabaseSettings;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

/// The settings of lex-router.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub identity: IdentitySettings,
    pub database: DatabaseSettings,
    pub broker: BrokerSettings,
    /// Where the messages of a batch are charged.
    pub redis: RedisSettings,
    /// Asked for organisations that are not known here.
    pub gateway: PeerSettings,
    /// Told of subscriptions that messages ask for.
    pub webhook_dispatcher: PeerSettings,
    pub conformance: ConformanceSettings,
    pub validation: ValidationSettings,
    pub retention: RetentionSettings,
    #[serde(default)]
    pub telemetry: TelemetrySettings,
}

/// Another service of the platform.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerSettings {
    pub url: Url,
    /// The key that its callers are signed with: 32 bytes in base64url.
    pub identity_key: SecretString,
}

/// `[conformance]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConformanceSettings {
    /// What certificates are signed with: 32 bytes in base64url.
    pub signing_key: SecretString,
}

/// `[validation]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationSettings {
    /// Whether every deviation from the standard's schemas makes a message invalid, not the core rules alone.
    pub strict: bool,
}

/// `[retention]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSettings {
    /// After how many days messages go, a month at a time.
    pub messages_days: u32,
}

impl Settings {
    /// # Errors
    /// When a value is missing, malformed or unknown.
    pub fn load() -> Result<Self, SettingsError> {
        platform::settings::load(SERVICE, include_str!("../../../deploy/config/lex-router.toml"))
    }
}
