//! `leadwire dlq`: what could not be processed or delivered, why, and sending it on its way again.
//!
//! Dead letters of the broker are worked on directly, dead deliveries of webhooks through the gateway.

mod broker;
mod deliveries;
pub mod erasure;
mod look;
mod replay;
mod select;

use crate::audit::Auditing;
use crate::clients::gateway::Url;
use crate::output::Format;
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use platform_broker::dead_letters::Filter;
use secrecy::SecretString;
use select::Criteria;
pub use select::moment;
use std::path::PathBuf;

/// Look after dead letters: messages that services could not process, and deliveries that receivers did not take.
#[derive(Args, Debug)]
pub struct Dlq {
    #[command(flatten)]
    connections: Connections,
    #[command(subcommand)]
    command: Command,
}

/// Where the dead letters are.
#[derive(Args, Debug)]
struct Connections {
    /// RabbitMQ, as a user who may configure the virtual host.
    #[arg(long, env = "AMQP_URL", hide_env_values = true, global = true)]
    amqp_url: Option<SecretString>,
    /// The gateway, for dead deliveries.
    #[arg(long, env = "LEADWIRE_URL", global = true)]
    url: Option<Url>,
    /// A key with scope platform:admin, for dead deliveries.
    #[arg(long, env = "LEADWIRE_ADMIN_KEY", hide_env_values = true, global = true)]
    admin_key: Option<SecretString>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List every dead-letter queue and the dead deliveries: how many, the oldest, how many came in the last hour.
    Ls {
        #[command(flatten)]
        format: Format,
        /// Only count: do not look into the queues.
        #[arg(long)]
        quick: bool,
    },
    /// Count dead letters by reason, type, tenant, or (of deliveries) endpoint.
    Stats {
        #[arg(long, value_enum, default_value = "reason")]
        by: By,
        /// Of this work queue alone; otherwise of all, and of the dead deliveries.
        #[arg(long)]
        queue: Option<String>,
        #[command(flatten)]
        filter: Criteria,
        #[command(flatten)]
        format: Format,
    },
    /// List the first dead letters of a queue.
    Peek {
        /// The work queue, or its dead-letter queue.
        #[arg(long)]
        queue: String,
        /// How many.
        #[arg(short = 'n', long, default_value = "20")]
        limit: usize,
        #[command(flatten)]
        filter: Criteria,
        #[command(flatten)]
        format: Format,
    },
    /// Show one dead letter with everything that is known of it: payload, error, attempts, trace id.
    ///
    /// It is looked for in every dead-letter queue, then among the deliveries. The payload may be personal data.
    /// Ends 1 when there is none.
    Show {
        /// An event's id (evt_… or a UUID), a message's, which is that of its first event, or a delivery's (msg_…).
        id: String,
        /// Look in this queue alone.
        #[arg(long)]
        queue: Option<String>,
        #[command(flatten)]
        format: Format,
    },
    /// Send dead letters back to where they died, each exactly once.
    ///
    /// A message keeps its id, gets a fresh budget of attempts, and says who replayed it. When this is interrupted,
    /// killed even, the same with --resume goes on with exactly the rest. What dies again is not taken twice.
    Replay(Replay),
    /// Write dead letters as NDJSON, one line each, payload and headers included. The queue stays as it is.
    Export {
        #[arg(long)]
        queue: String,
        #[command(flatten)]
        filter: Criteria,
        /// A file, made for its owner alone; standard output otherwise.
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
    /// Delete dead letters for good. Without --confirm only says how many.
    Purge {
        #[arg(long)]
        queue: String,
        #[command(flatten)]
        filter: Criteria,
        /// Do it.
        #[arg(long)]
        confirm: bool,
        #[command(flatten)]
        auditing: Auditing,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Args, Debug)]
struct Replay {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    filter: Criteria,
    /// At most so many: 50/s, 3000/m. As fast as it goes otherwise; deliveries keep the rate of their subscription.
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,
    /// Only say what would be replayed.
    #[arg(long)]
    dry_run: bool,
    /// Go on with a replay that was interrupted, with the filter that it was begun with.
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    auditing: Auditing,
    #[command(flatten)]
    format: Format,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Source {
    /// The work queue whose dead letters are meant.
    #[arg(long)]
    queue: Option<String>,
    /// The subscription whose dead deliveries are meant.
    #[arg(long)]
    subscription: Option<String>,
}

/// What dead letters are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Reason,
    Type,
    Tenant,
    /// Of deliveries alone.
    Endpoint,
}

/// What to print, and whether all is well.
#[derive(Debug)]
pub struct Answer {
    pub text: String,
    pub good: bool,
}

impl Answer {
    pub const fn good(text: String) -> Self {
        Self { text, good: true }
    }
}

/// Carries a command out.
///
/// # Errors
/// When the broker or the gateway refuses.
pub async fn dlq(arguments: Dlq) -> anyhow::Result<Answer> {
    let Dlq { connections, command } = arguments;
    match command {
        Command::Ls { format, quick } => look::ls(&connections, format, quick).await,
        Command::Stats { by, queue, filter, format } => {
            let filter = connections.resolved(filter).await?;
            look::stats(&connections, by, queue.as_deref(), &filter, format).await
        }
        Command::Peek { queue, limit, filter, format } => {
            let filter = connections.resolved(filter).await?;
            look::peek(&connections, &queue, limit, &filter, format).await
        }
        Command::Show { id, queue, format } => look::show(&connections, &id, queue.as_deref(), format).await,
        Command::Export { queue, filter, output } => {
            let filter = connections.resolved(filter).await?;
            look::export(&connections, &queue, &filter, output.as_deref()).await
        }
        Command::Replay(wish) => {
            let filter = connections.resolved(wish.filter.clone()).await?;
            match (wish.source.queue.clone(), wish.source.subscription.clone()) {
                (Some(queue), _) => replay::replay(&connections, &queue, filter, wish).await,
                (None, Some(subscription)) => {
                    deliveries::recover(&connections, &subscription, &filter, wish).await
                }
                (None, None) => bail!("give --queue or --subscription"),
            }
        }
        Command::Purge { queue, filter, confirm, auditing, format } => {
            let filter = connections.resolved(filter).await?;
            replay::purge(&connections, &queue, &filter, confirm.then_some(&auditing), format).await
        }
    }
}

impl Connections {
    /// The filter with a tenant by its id: that is what messages carry.
    async fn resolved(&self, criteria: Criteria) -> anyhow::Result<Filter> {
        let filter = Filter::from(criteria);
        let Some(tenant) = &filter.tenant else { return Ok(filter) };
        if let Ok(id) = uuid::Uuid::try_parse(tenant) {
            return Ok(Filter { tenant: Some(id.to_string()), ..filter });
        }
        let gateway = self.gateway().context("--tenant by its slug asks the gateway; its id needs none")?;
        Ok(Filter { tenant: Some(gateway.organization_id(tenant).await?), ..filter })
    }
}

/// Messages per second.
fn rate(text: &str) -> Result<f64, String> {
    let expected = || "expected 50/s or 3000/m".to_owned();
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(expected()),
    };
    let number: f64 = number.parse().map_err(|_not_a_number| expected())?;
    if number.is_finite() && number > 0.0 { Ok(number / seconds) } else { Err(expected()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_so_many_in_a_second_a_minute_or_an_hour() {
        for (text, wanted) in [("50/s", 50.0), ("50", 50.0), ("3000/m", 50.0), ("180000/h", 50.0)] {
            assert!((rate(text).unwrap() - wanted).abs() < 1e-9, "{text}");
        }
        for nonsense in ["", "/s", "0/s", "-1/s", "inf/s", "NaN", "5/d", "fast"] {
            assert!(rate(nonsense).is_err(), "{nonsense}");
        }
    }
}
