//! `leadwire doctor`: what an operator would look at, one after the other, in one command.
//!
//! Changes nothing. Every finding says what it means and what to do; what it cannot see it does not guess.

mod broker;
mod cache;
mod database;
mod machine;
mod services;

use crate::clients::gateway::Url;
use crate::output::{Format, shown};
use clap::Args;
use platform::clock::Clock;
use secrecy::SecretString;
use serde_json::json;
use std::path::PathBuf;

/// Check an installation: PostgreSQL, RabbitMQ, Redis, the services, clocks, keys and disks.
///
/// Looks at what it has an address of. Ends 0 when all is well, 1 when something deserves attention, 2 when
/// something is broken.
#[derive(Args, Debug)]
pub struct Doctor {
    /// PostgreSQL, as a user who may see every schema.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<SecretString>,
    /// RabbitMQ, as a user who may configure the virtual host.
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    amqp_url: Option<SecretString>,
    /// RabbitMQ's management API, with user and password: for alarms and free space.
    #[arg(long, env = "RABBITMQ_MANAGEMENT_URL", hide_env_values = true)]
    management_url: Option<SecretString>,
    /// Redis.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: Option<SecretString>,
    /// The gateway.
    #[arg(long, env = "LEADWIRE_URL")]
    url: Option<Url>,
    #[command(flatten)]
    services: services::OpsUrls,
    /// A directory on this machine whose file system is to have room; may be repeated.
    #[arg(long, value_name = "DIRECTORY")]
    disk: Vec<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Good,
    Warning,
    Broken,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Broken => "broken",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
struct Finding {
    level: Level,
    what: String,
    found: String,
    /// What it means and what to do. Empty of what is well.
    advice: &'static str,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, what: &str, found: impl Into<String>) {
        self.add(Level::Good, what, found, "");
    }

    fn warn(&mut self, what: &str, found: impl Into<String>, advice: &'static str) {
        self.add(Level::Warning, what, found, advice);
    }

    fn broken(&mut self, what: &str, found: impl Into<String>, advice: &'static str) {
        self.add(Level::Broken, what, found, advice);
    }

    fn add(&mut self, level: Level, what: &str, found: impl Into<String>, advice: &'static str) {
        self.0.push(Finding { level, what: what.to_owned(), found: found.into(), advice });
    }

    /// By how far it is above two limits.
    fn judge(
        &mut self,
        what: &str,
        found: String,
        figure: f64,
        (warning, broken): (f64, f64),
        advice: &'static str,
    ) {
        if figure >= broken {
            self.broken(what, found, advice);
        } else if figure >= warning {
            self.warn(what, found, advice);
        } else {
            self.good(what, found);
        }
    }

    fn worst(&self) -> Level {
        self.0.iter().map(|finding| finding.level).max().unwrap_or(Level::Good)
    }
}

/// Looks at everything. The answer is what to print and the exit code.
pub async fn doctor(arguments: Doctor) -> (String, i32) {
    let clock = Clock::system();
    let mut findings = Findings::default();
    match &arguments.database_url {
        Some(url) => database::look(url, &clock, &mut findings).await,
        None => findings.warn("postgres", "not looked at", "Give --database-url (DATABASE_URL)."),
    }
    match &arguments.amqp_url {
        Some(url) => broker::look(url, arguments.management_url.as_ref(), &mut findings).await,
        None => findings.warn("rabbitmq", "not looked at", "Give --amqp-url (AMQP_URL)."),
    }
    match &arguments.redis_url {
        Some(url) => cache::look(url, &clock, &mut findings).await,
        None => findings.warn("redis", "not looked at", "Give --redis-url (REDIS_URL)."),
    }
    services::look(arguments.url.as_ref(), &arguments.services, &clock, &mut findings).await;
    for directory in &arguments.disk {
        machine::look(directory, &mut findings).await;
    }
    let code = match findings.worst() {
        Level::Good => 0,
        Level::Warning => 1,
        Level::Broken => 2,
    };
    (render(&findings, arguments.format), code)
}

fn render(findings: &Findings, format: Format) -> String {
    let list = &findings.0;
    let data: Vec<_> = list
        .iter()
        .map(|finding| {
            json!({
                "level": finding.level.word(),
                "what": finding.what,
                "found": finding.found,
                "advice": Some(finding.advice).filter(|advice| !advice.is_empty()),
            })
        })
        .collect();
    let people = || {
        let mut lines: Vec<_> = list
            .iter()
            .map(|finding| {
                let Finding { level, what, found, advice } = finding;
                let advice =
                    if advice.is_empty() { String::new() } else { format!("         → {advice}\n") };
                format!("{:<8} {what}: {}\n{advice}", level.word(), shown(found))
            })
            .collect();
        let of = |level| list.iter().filter(|finding| finding.level == level).count();
        let (broken, warnings, good) = (of(Level::Broken), of(Level::Warning), of(Level::Good));
        lines.push(format!("{broken} broken, {warnings} to look at, {good} well\n"));
        lines.concat()
    };
    format.answer(&json!({"worst": findings.worst().word(), "data": data}), people)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_and_each_says_what_to_do() {
        let mut findings = Findings::default();
        findings.judge("a", "1".to_owned(), 1.0, (5.0, 10.0), "Do this.");
        assert_eq!(findings.worst(), Level::Good);
        findings.judge("b", "7".to_owned(), 7.0, (5.0, 10.0), "Do that.");
        assert_eq!(findings.worst(), Level::Warning);
        findings.judge("c", "10".to_owned(), 10.0, (5.0, 10.0), "Do all of it.");
        assert_eq!(findings.worst(), Level::Broken);
        let text = render(&findings, Format { json: false });
        assert!(text.contains("warning  b: 7\n         → Do that.\n"), "{text}");
        assert!(text.ends_with("1 broken, 1 to look at, 1 well\n"), "{text}");
    }
}
