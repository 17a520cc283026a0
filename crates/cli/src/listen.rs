//! `leadwire listen`: a receiver of webhooks on this machine, for trying things out.
//!
//! Checks signatures, shows what comes, and answers as it is told. Keeps nothing.

mod plan;
mod verdict;

pub use plan::{Plan, status, time};
pub use verdict::{Verdict, name, verify};

use crate::clients::webhook::{self, Url};
use crate::dlq::Answer;
use crate::http::listener::{Listener, serve};
use anyhow::Context;
use clap::Args;
use platform::clock::Clock;
use platform::lifecycle::{Shutdown, Tasks};
use secrecy::SecretString;
use signing::Secret;
use std::net::SocketAddr;
use std::time::Duration;

/// Receive webhooks on this machine: check their signatures, show them, answer as told.
///
/// Checks the headers of every family (x-fulfillment-signature, x-webhook-signature, x-lex-signature) and of
/// Standard Webhooks that come. What does not fit is answered with 401, which says why. Runs until interrupted, or
/// for --limit requests; ends 1 when a request was refused.
#[derive(Args, Debug)]
pub struct Listen {
    /// Where to listen; port 0 takes any that is free. The address is printed on standard error.
    #[arg(long, default_value = "127.0.0.1:9900", value_name = "ADDRESS:PORT")]
    bind: SocketAddr,
    /// The subscription's secret, as it was shown. May be given more than once. Without one nothing is checked.
    #[arg(long, env = "LEADWIRE_WEBHOOK_SECRET", hide_env_values = true, value_delimiter = ',')]
    secret: Vec<SecretString>,
    /// The statuses of the answers, one each, the last of them for ever: 500,500,200.
    #[arg(long, value_parser = status, value_delimiter = ',', value_name = "STATUS,…")]
    answer: Vec<u16>,
    /// How long each answer takes: 500ms, 2s, 1m.
    #[arg(long, value_parser = time, default_value = "0s", value_name = "TIME")]
    delay: Duration,
    /// Pass what fits on to this URL, and its answer back, unless --answer says another.
    #[arg(long, value_name = "URL")]
    forward: Option<Url>,
    /// Take what does not fit, too; it is still reported.
    #[arg(long)]
    lenient: bool,
    /// Show no bodies, which may be personal data.
    #[arg(long)]
    no_body: bool,
    /// End after so many requests.
    #[arg(short = 'n', long)]
    limit: Option<usize>,
    /// Print each request as a line of JSON.
    #[arg(long)]
    json: bool,
}

/// Receives until it is over. Good when nothing was refused.
///
/// # Errors
/// When the address cannot be bound.
pub async fn listen(arguments: Listen) -> anyhow::Result<Answer> {
    let shutdown = Shutdown::new();
    let tasks = Tasks::new(shutdown.clone());
    shutdown.begin_at_signal(&tasks).context("signals cannot be handled")?;
    let listener = Listener {
        clock: Clock::system(),
        secrets: arguments.secret.into_iter().map(Secret::from).collect(),
        plan: Plan::new(arguments.answer, arguments.delay),
        forward: arguments.forward.map(webhook::Poster::to).transpose()?,
        lenient: arguments.lenient,
        bodies: !arguments.no_body,
        limit: arguments.limit,
        json: arguments.json,
        shutdown: shutdown.clone(),
        books: std::sync::Mutex::default(),
    };
    let refused = serve(arguments.bind, listener, shutdown).await?;
    Ok(Answer { text: String::new(), good: refused == 0 })
}
