//! Settings: a shipped base, an optional file, the environment, secret files; typed and checked at start.
//!
//! Precedence, lowest first: the base that is compiled in, the TOML file named by
//! `LEADWIRE_<SERVICE>_CONFIG`, variables `LEADWIRE_<SERVICE>__SECTION__KEY`, and the content of files named
//! by the same variables with `_FILE` behind. Unknown keys are refused.

use config::{Config, Environment, File, FileFormat};
use contracts::Service;
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::HashMap;
use std::fmt::Debug;
use std::io::Write;
use std::time::Duration;

/// Why a process has no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("settings: {0} (set it in the file of {1}_CONFIG or as {1}__SECTION__KEY)")]
    Invalid(#[source] Box<config::ConfigError>, String),
    #[error("settings: {variable} names a file that cannot be read")]
    SecretFile { variable: String, source: std::io::Error },
}

/// Reads the settings of a service from its base and the environment of the process. With `--print-settings`
/// on the command line it prints them instead, secrets left out, and ends the process.
///
/// # Errors
/// When a value is missing, malformed or unknown; the message names it.
pub fn load<T: DeserializeOwned + Debug>(service: Service, base: &str) -> Result<T, SettingsError> {
    let settings = from_variables(service, base, std::env::vars())?;
    if std::env::args().any(|argument| argument == "--print-settings") {
        let printed = writeln!(std::io::stdout(), "{settings:#?}");
        std::process::exit(i32::from(printed.is_err()));
    }
    Ok(settings)
}

/// Reads the settings of a service from its base and the given variables.
///
/// # Errors
/// As [`load`].
pub fn from_variables<T: DeserializeOwned>(
    service: Service,
    base: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<T, SettingsError> {
    let prefix = format!("LEADWIRE_{}", service.schema().to_uppercase());
    let variables: HashMap<String, String> = variables.into_iter().collect();
    let invalid = |error| SettingsError::Invalid(Box::new(error), prefix.clone());
    let mut builder = Config::builder().add_source(File::from_str(base, FileFormat::Toml));
    if let Some(path) = variables.get(&format!("{prefix}_CONFIG")) {
        builder = builder.add_source(File::new(path, FileFormat::Toml));
    }
    let own = format!("{prefix}__");
    let mut values = HashMap::new();
    for (name, value) in variables.into_iter().filter(|(name, _)| name.starts_with(&own)) {
        match name.strip_suffix("_FILE") {
            None => values.insert(name, value),
            Some(plain) => {
                let plain = plain.to_owned();
                let content = std::fs::read_to_string(&value)
                    .map_err(|source| SettingsError::SecretFile { variable: name, source })?;
                values.insert(plain, content.trim_end().to_owned())
            }
        };
    }
    let environment =
        Environment::with_prefix(&prefix).prefix_separator("__").separator("__").source(Some(values));
    builder.add_source(environment).build().and_then(Config::try_deserialize).map_err(invalid)
}

/// `[redis]`: where the rate windows live.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    pub url: SecretString,
    /// Comes before every key, so that several installations or tests can share a server.
    #[serde(default)]
    pub prefix: String,
    /// A slower answer counts as none.
    #[serde(with = "humantime_serde", default = "default_redis_timeout")]
    pub timeout: Duration,
}

fn default_redis_timeout() -> Duration {
    Duration::from_millis(200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        redis: RedisSettings,
    }

    fn sample(variables: &[(&str, &str)]) -> Result<Sample, SettingsError> {
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        from_variables(Service::LeadIntake, "[redis]\ntimeout = \"300ms\"", variables)
    }

    #[test]
    fn variables_go_over_the_base_and_a_missing_value_is_named() {
        let settings = sample(&[("LEADWIRE_LEAD_INTAKE__REDIS__URL", "redis://h")]).unwrap();
        assert_eq!(settings.redis.timeout, Duration::from_millis(300));
        let error = sample(&[]).unwrap_err().to_string();
        assert!(error.contains("url") && error.contains("LEADWIRE_LEAD_INTAKE__SECTION__KEY"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_refused_and_a_secret_is_not_printed() {
        let known = ("LEADWIRE_LEAD_INTAKE__REDIS__URL", "redis://:hunter2@h");
        assert!(sample(&[known, ("LEADWIRE_LEAD_INTAKE__REDIS__URI", "x")]).is_err());
        assert!(!format!("{:?}", sample(&[known]).unwrap()).contains("hunter2"));
    }
}
