//! Settings of the broker connections. Reading them from files and the environment is `platform::settings`.

use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;

/// How to reach the broker and how long to wait for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSettings {
    /// `amqp://user:password@host:port/vhost` or `amqps://…`; the virtual host is percent-encoded
    /// (`%2f` for `/`). A secret, because it carries the password.
    pub url: SecretString,
    /// Limit of one attempt to connect: TCP, TLS and the AMQP handshake together.
    #[serde(default = "five_seconds", with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Limit of a publish window, from its first message to its last confirm.
    #[serde(default = "ten_seconds", with = "humantime_serde")]
    pub confirm_timeout: Duration,
    /// Limit of every other exchange with the broker: opening a channel, declaring, consuming, acking.
    #[serde(default = "five_seconds", with = "humantime_serde")]
    pub request_timeout: Duration,
    /// The heartbeat that is proposed when the URL names none. A broker that is silent for twice this
    /// time is taken for dead.
    #[serde(default = "fifteen_seconds", with = "humantime_serde")]
    pub heartbeat: Duration,
}

impl BrokerSettings {
    /// The default limits for a URL.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            connect_timeout: five_seconds(),
            confirm_timeout: ten_seconds(),
            request_timeout: five_seconds(),
            heartbeat: fifteen_seconds(),
        }
    }
}

const fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

const fn fifteen_seconds() -> Duration {
    Duration::from_secs(15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_alone_is_enough_and_does_not_print() {
        let settings: BrokerSettings =
            serde_json::from_str(r#"{"url": "amqp://user:hunter2@broker/leadwire"}"#).unwrap();
        assert_eq!(settings.confirm_timeout, Duration::from_secs(10));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn durations_are_human_and_unknown_keys_refused() {
        let settings: BrokerSettings =
            serde_json::from_str(r#"{"url": "amqp://broker", "confirm_timeout": "1500ms"}"#).unwrap();
        assert_eq!(settings.confirm_timeout, Duration::from_millis(1500));
        assert!(
            serde_json::from_str::<BrokerSettings>(r#"{"url": "amqp://broker", "confirmtimeout": "1s"}"#)
                .is_err()
        );
    }
}
