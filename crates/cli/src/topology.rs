//! `leadwire topology`: the broker's exchanges, queues and bindings.

use crate::clients::ops;
use crate::dlq::Answer;
use crate::output::{Format, Table};
use anyhow::Context;
use clap::{Args, Subcommand};
use contracts::topology::{RETRY_STEPS, WORK_QUEUES};
use platform_broker::BrokerSettings;
use platform_broker::topology::{PLATFORM, apply, bindings, compare};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use url::Url;

#[derive(Debug, Subcommand)]
pub enum Topology {
    /// Declare what is missing; change and delete nothing.
    Apply {
        #[command(flatten)]
        broker: Broker,
        #[command(flatten)]
        format: Format,
    },
    /// Say what is missing or different, a line each; ends 1 when something is. Changes nothing.
    ///
    /// Exchanges and queues are compared with their types and arguments; bindings only with --management-url.
    Check {
        #[command(flatten)]
        broker: Broker,
        /// RabbitMQ's management API, with user and password: to compare bindings, too.
        #[arg(long, env = "RABBITMQ_MANAGEMENT_URL", hide_env_values = true)]
        management_url: Option<SecretString>,
        #[command(flatten)]
        format: Format,
    },
    /// Print exchanges, queues and bindings as Markdown, or as JSON, from the program itself.
    Show {
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Args, Debug)]
pub struct Broker {
    /// RabbitMQ, as a user who may configure the virtual host.
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    amqp_url: SecretString,
}

/// Carries a command out.
///
/// # Errors
/// When the broker does not answer, or refuses.
pub async fn topology(command: Topology) -> anyhow::Result<Answer> {
    match command {
        Topology::Apply { broker, format } => {
            let settings = BrokerSettings::new(broker.amqp_url);
            apply(&settings, PLATFORM).await.context("the topology was not applied")?;
            let people = || "topology applied\n".to_owned();
            Ok(Answer { text: format.answer(&json!({"applied": true}), people), good: true })
        }
        Topology::Check { broker, management_url, format } => check(broker, management_url, format).await,
        Topology::Show { format } => {
            Ok(Answer { text: format.answer(&document(), contracts::topology::markdown), good: true })
        }
    }
}

async fn check(broker: Broker, management: Option<SecretString>, format: Format) -> anyhow::Result<Answer> {
    let vhost = vhost(&broker.amqp_url);
    let settings = BrokerSettings::new(broker.amqp_url);
    let found = compare(&settings, PLATFORM).await.context("the topology could not be checked")?;
    let mut found: Vec<_> = found.iter().map(|line| plainly(line)).collect();
    if let Some(management) = management {
        let path = format!("api/bindings/{vhost}");
        let there = ops::management(&management, &path).await.context("the bindings could not be read")?;
        found.extend(of_bindings(&there));
    }
    let document = json!({"complete": found.is_empty(), "differences": found});
    let people = || {
        if found.is_empty() {
            return "topology complete\n".to_owned();
        }
        let mut table = Table::new(["DIFFERENCE"]);
        for difference in &found {
            table.row([difference.clone()]);
        }
        format!(
            "{}\nWhat is missing, leadwire topology apply makes. A queue with other arguments keeps them for life: let \
             it run empty, delete it, and apply.\n",
            table.text("")
        )
    };
    Ok(Answer { text: format.answer(&document, people), good: found.is_empty() })
}

/// A difference in plain words, as far as it is one that the broker words like this.
fn plainly(difference: &str) -> String {
    let Some((what, said)) = difference.split_once(": ") else { return difference.to_owned() };
    if said.contains("NOT_FOUND") {
        return format!("{what}: missing");
    }
    let inequivalent = || {
        let (_, rest) = said.split_once("inequivalent arg '")?;
        let (argument, rest) = rest.split_once('\'')?;
        let (_, values) = rest.split_once(": received ")?;
        let (wanted, found) = values.split_once(" but current is ")?;
        Some(format!("{what}: {argument} is {found}, and should be {wanted}"))
    };
    inequivalent().unwrap_or_else(|| difference.to_owned())
}

/// Bindings that are missing, and those of our queues that should not be.
fn of_bindings(there: &Value) -> Vec<String> {
    let text = |binding: &Value, name: &str| binding[name].as_str().unwrap_or_default().to_owned();
    let found: BTreeSet<_> = there
        .as_array()
        .into_iter()
        .flatten()
        .map(|binding| (text(binding, "source"), text(binding, "destination"), text(binding, "routing_key")))
        .filter(|(exchange, _, _)| !exchange.is_empty())
        .collect();
    let wanted: BTreeSet<_> = bindings(PLATFORM)
        .into_iter()
        .map(|(exchange, queue, key)| (exchange.to_owned(), queue, key))
        .collect();
    let queues: BTreeSet<_> = wanted.iter().map(|(_, queue, _)| queue).collect();
    let missing = wanted
        .difference(&found)
        .map(|(exchange, queue, key)| format!("binding {exchange} -> {queue} with {key:?}: missing"));
    let surplus = found.difference(&wanted).filter(|(_, queue, _)| queues.contains(queue));
    let surplus = surplus.map(|(exchange, queue, key)| {
        format!("binding {exchange} -> {queue} with {key:?}: not ours, remove it by hand")
    });
    missing.chain(surplus).collect()
}

/// The virtual host of a URL, as the URL encodes it.
fn vhost(url: &SecretString) -> String {
    let path = Url::parse(url.expose_secret()).map(|url| url.path().trim_start_matches('/').to_owned());
    path.ok().filter(|vhost| !vhost.is_empty()).unwrap_or_else(|| "%2F".to_owned())
}

fn document() -> Value {
    let queues = WORK_QUEUES.iter().map(|queue| {
        let steps = RETRY_STEPS
            .iter()
            .map(|(step, rest)| json!({"name": queue.retry_queue(step), "seconds": rest.as_secs()}));
        json!({
            "name": queue.name,
            "owner": queue.owner.name(),
            "bindings": queue.bindings,
            "deadLetterQueue": queue.dead_letter_queue(),
            "retryQueues": steps.collect::<Vec<_>>(),
        })
    });
    json!({"queues": queues.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_that_is_missing_or_too_many_is_named() {
        let all = bindings(PLATFORM).into_iter();
        let mut there: Vec<_> = all
            .map(|(source, destination, key)| json!({"source": source, "destination": destination, "routing_key": key}))
            .collect();
        assert_eq!(of_bindings(&json!(there)), Vec::<String>::new());
        let gone = there.remove(0);
        there.push(json!({"source": "events", "destination": "lead-intake.outcomes", "routing_key": "#"}));
        there.push(json!({"source": "events", "destination": "somebody.else", "routing_key": "#"}));
        there.push(json!({"source": "", "destination": "lead-intake.outcomes", "routing_key": "lead-intake.outcomes"}));
        let found = of_bindings(&json!(there));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains(gone["destination"].as_str().unwrap()) && found[0].ends_with("missing"));
        assert!(found[1].contains("lead-intake.outcomes with \"#\""));
    }

    #[test]
    fn the_virtual_host_stays_encoded() {
        let of = |url: &str| vhost(&SecretString::from(url));
        assert_eq!(of("amqp://u:p@h:5672/leadwire"), "leadwire");
        assert_eq!(of("amqp://u:p@h/%2f"), "%2f");
        assert_eq!(of("amqp://h"), "%2F");
    }
}
