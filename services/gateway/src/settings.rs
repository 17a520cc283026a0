//! What can be set from outside; the README has the table.

use crate::SERVICE;
use console::ConsoleSettings;
use contracts::Service;
use ipnet::IpNet;
use platform::settings::{RedisSettings, SettingsError};
use platform::telemetry::TelemetrySettings;
use platform_broker::BrokerSettings;
use platform_http::{HttpSettings, IdentitySettings};
use platform_pg::DatabaseSettings;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use std::str::FromStr;
use std::time::Duration;
use url::Url;

/// The settings of the gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub identity: IdentitySettings,
    pub identity_keys: IdentityKeySettings,
    pub upstreams: UpstreamSettings,
    pub database: DatabaseSettings,
    pub redis: RedisSettings,
    pub secrets: SecretSettings,
    #[serde(default)]
    pub credentials: CredentialSettings,
    #[serde(default)]
    pub tokens: TokenSettings,
    pub oauth: OauthSettings,
    #[serde(default)]
    pub proxies: ProxySettings,
    #[serde(default)]
    pub usage: UsageSettings,
    #[serde(default)]
    pub console: ConsoleSettings,
    pub broker: BrokerSettings,
    #[serde(default)]
    pub telemetry: TelemetrySettings,
}

impl Settings {
    /// # Errors
    /// When a value is missing, malformed or unknown.
    pub fn load() -> Result<Self, SettingsError> {
        platform::settings::load(SERVICE, include_str!("../../../deploy/config/gateway.toml"))
    }
}

/// `[identity_keys]`: 32 bytes in base64url for each service; equal to that service's `[identity] key`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityKeySettings {
    pub gateway: SecretString,
    pub lead_intake: SecretString,
    pub ingest: SecretString,
    pub lex_router: SecretString,
    pub crm_resources: SecretString,
    pub webhook_dispatcher: SecretString,
}

impl IdentityKeySettings {
    /// The key of a service.
    pub const fn of(&self, service: Service) -> &SecretString {
        match service {
            Service::Gateway => &self.gateway,
            Service::LeadIntake => &self.lead_intake,
            Service::Ingest => &self.ingest,
            Service::LexRouter => &self.lex_router,
            Service::CrmResources => &self.crm_resources,
            Service::WebhookDispatcher => &self.webhook_dispatcher,
        }
    }
}

/// `[upstreams]`: the replicas of each service, separated by commas.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    #[serde(deserialize_with = "replicas")]
    pub lead_intake: Vec<Url>,
    #[serde(deserialize_with = "replicas")]
    pub ingest: Vec<Url>,
    #[serde(deserialize_with = "replicas")]
    pub lex_router: Vec<Url>,
    #[serde(deserialize_with = "replicas")]
    pub crm_resources: Vec<Url>,
    #[serde(deserialize_with = "replicas")]
    pub webhook_dispatcher: Vec<Url>,
}

impl UpstreamSettings {
    /// Every service with its replicas.
    pub fn all(&self) -> Vec<(Service, Vec<Url>)> {
        vec![
            (Service::LeadIntake, self.lead_intake.clone()),
            (Service::Ingest, self.ingest.clone()),
            (Service::LexRouter, self.lex_router.clone()),
            (Service::CrmResources, self.crm_resources.clone()),
            (Service::WebhookDispatcher, self.webhook_dispatcher.clone()),
        ]
    }
}

/// `[secrets]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSettings {
    /// 32 bytes in base64url: the key of the hashes of API keys.
    pub pepper: SecretString,
    /// `id:key,id:key`: what the secrets of service credentials are sealed with; the first seals.
    pub encryption_keys: SecretString,
}

/// `[credentials]`: how they are looked up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CredentialSettings {
    /// How long what is known of a credential is used: for so long a revocation may go unnoticed by a
    /// replica that the broker does not reach. At most [`MAX_CACHE_TTL`].
    #[serde(deserialize_with = "cache_ttl")]
    pub cache_ttl: Duration,
}

/// The longest time for which a revocation may go unnoticed.
pub const MAX_CACHE_TTL: Duration = Duration::from_secs(10);

impl Default for CredentialSettings {
    fn default() -> Self {
        Self { cache_ttl: Duration::from_secs(5) }
    }
}

/// `[tokens]`: what service JWTs must say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenSettings {
    /// Their `aud`.
    pub audience: String,
    /// From `iat` to `exp`.
    #[serde(with = "humantime_serde")]
    pub max_lifetime: Duration,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self { audience: "leadwire".to_owned(), max_lifetime: Duration::from_mins(15) }
    }
}

/// `[oauth]`: access tokens of the lex surface.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OauthSettings {
    /// Where clients reach this platform: the `iss` of access tokens, exactly as it stands here.
    #[serde(deserialize_with = "issuer")]
    pub issuer: String,
    #[serde(with = "humantime_serde")]
    pub token_lifetime: Duration,
    /// `kid:key,kid:key`: Ed25519 keys in base64url, each a seed of 32 bytes or a PKCS#8 document; the first
    /// signs, all verify and are published.
    pub signing_keys: SecretString,
}

/// `[proxies]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxySettings {
    /// Networks whose `X-Forwarded-For` is believed, separated by commas.
    #[serde(deserialize_with = "networks")]
    pub trusted: Vec<IpNet>,
}

/// `[usage]`: counts of answered requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsageSettings {
    /// How often they are written, at least 10 ms: a process that is killed loses what it counted since.
    #[serde(with = "humantime_serde")]
    pub write_every: Duration,
    /// After how long a write is given up and tried again.
    #[serde(with = "humantime_serde")]
    pub write_timeout: Duration,
    /// How many different things (client, credential, operation, status and hour) are counted in memory until
    /// they are written; while the database is away, as many again.
    pub capacity: usize,
    /// For how long figures by the hour are kept.
    pub hourly_days: u32,
    /// For how long figures by the day are kept.
    pub daily_days: u32,
}

impl Default for UsageSettings {
    fn default() -> Self {
        Self {
            write_every: Duration::from_millis(500),
            write_timeout: Duration::from_secs(5),
            capacity: 100_000,
            hourly_days: 35,
            daily_days: 400,
        }
    }
}

fn replicas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Url>, D::Error> {
    let urls: Vec<Url> = separated(deserializer)?;
    let is_base =
        |url: &Url| matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none();
    if urls.is_empty() || !urls.iter().all(is_base) {
        return Err(serde::de::Error::custom(
            "must be one or more URLs such as http://host:8081, separated by commas",
        ));
    }
    Ok(urls)
}

fn cache_ttl<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let ttl: Duration = humantime_serde::deserialize(deserializer)?;
    if ttl > MAX_CACHE_TTL {
        return Err(serde::de::Error::custom("must be at most 10s"));
    }
    Ok(ttl)
}

/// RFC 8414 §2: a URL without query and fragment. The documents lie at the root of its host.
fn issuer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_issuer =
        |url: &Url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text;
    match Url::parse(&text) {
        Ok(url) if is_issuer(&url) => Ok(text),
        _ => Err(serde::de::Error::custom("must be a URL such as https://api.example.com, without a path")),
    }
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    separated(deserializer)
}

fn separated<'de, D: Deserializer<'de>, T: FromStr<Err: std::fmt::Display>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn loaded(more: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut variables = vec![
            ("HTTP__BIND", "127.0.0.1:0"),
            ("DATABASE__URL", "postgres://h/d"),
            ("REDIS__URL", "redis://h"),
            ("BROKER__URL", "amqp://h"),
            ("TELEMETRY__FORMAT", "json"),
            ("IDENTITY__KEY", KEY),
            ("SECRETS__PEPPER", KEY),
            ("SECRETS__ENCRYPTION_KEYS", "1:KEY"),
            ("OAUTH__SIGNING_KEYS", "1:KEY"),
            ("UPSTREAMS__INGEST", "http://a:1, http://b:2"),
        ];
        let names = ["GATEWAY", "LEAD_INTAKE", "INGEST", "LEX_ROUTER", "CRM_RESOURCES", "WEBHOOK_DISPATCHER"];
        let keys = names.map(|name| format!("IDENTITY_KEYS__{name}"));
        variables.extend(keys.iter().map(|name| (name.as_str(), KEY)));
        variables.extend(more);
        let variables = variables
            .into_iter()
            .map(|(name, value)| (format!("LEADWIRE_GATEWAY__{name}"), value.to_owned()));
        let base = include_str!("../../../deploy/config/gateway.toml");
        platform::settings::from_variables(SERVICE, base, variables)
    }

    #[test]
    fn the_variables_of_the_local_stack_are_taken() {
        let settings = loaded(&[("PROXIES__TRUSTED", "10.0.0.0/8,::1/128")]).unwrap();
        assert_eq!(settings.upstreams.ingest.len(), 2);
        assert_eq!(settings.upstreams.lead_intake.len(), 1);
        assert_eq!(settings.proxies.trusted.len(), 2);
        assert_eq!(settings.tokens.max_lifetime, Duration::from_mins(15));
        assert_eq!(settings.oauth.issuer, "http://127.0.0.1:8080");
        assert_eq!(settings.oauth.token_lifetime, Duration::from_mins(15));
        assert!(!format!("{settings:?}").contains(KEY));
    }

    #[test]
    fn malformed_and_unknown_values_are_refused() {
        for (name, value) in [
            ("UPSTREAMS__INGEST", ""),
            ("UPSTREAMS__INGEST", "http://a:1/path"),
            ("UPSTREAMS__INGEST", "ftp://a"),
            ("UPSTREAMS__GATEWAY", "http://a:1"),
            ("PROXIES__TRUSTED", "everyone"),
            ("TOKENS__AUDIENCES", "x"),
            ("CREDENTIALS__CACHE_TTL", "11s"),
            ("CREDENTIALS__CACHE_TTL", "soon"),
            ("OAUTH__ISSUER", "127.0.0.1:8080"),
            ("OAUTH__ISSUER", "https://api.example.com/"),
            ("OAUTH__ISSUER", "https://api.example.com?a=b"),
        ] {
            assert!(loaded(&[(name, value)]).is_err(), "{name}={value}");
        }
    }
}
