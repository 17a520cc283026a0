//! `leadwire bench`: how an installation answers under a steady load, seen from outside.

use crate::clients::load::{Load, Method, Sender, Url};
use crate::dlq::Answer;
use crate::listen::time;
use crate::output::{Format, Table};
use crate::progress::bar;
use anyhow::{Context, ensure};
use clap::Args;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Requests of one run.
const MOST: u64 = 1_000_000;

/// Send one request at a steady rate and show how it was answered. Ends 1 unless every answer is a 2xx.
///
/// Requests begin when they are due, whether or not earlier ones are answered, and their time counts from then:
/// a pause of the installation shows in everything that it held up. Writes are real; those with an idempotency
/// key are answered anew from what the first one stored.
#[derive(Args, Debug)]
pub struct Bench {
    /// What to ask.
    url: Url,
    #[arg(long, default_value = "GET")]
    method: Method,
    /// Sent as a bearer token.
    #[arg(long, env = "LEADWIRE_KEY", hide_env_values = true)]
    key: Option<SecretString>,
    /// The body, as JSON.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// Requests a second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// How long: 500ms, 10s, 5m.
    #[arg(long = "for", value_parser = time, default_value = "10s", value_name = "TIME")]
    length: Duration,
    /// The most on their way at once; others wait for their turn, and the wait counts.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    connections: u16,
    #[command(flatten)]
    format: Format,
}

/// Sends and counts.
///
/// # Errors
/// When the body cannot be read, or there would be too many requests.
pub async fn bench(arguments: Bench) -> anyhow::Result<Answer> {
    let requests = u64::from(arguments.rate) * u64::try_from(arguments.length.as_millis())? / 1_000;
    ensure!(
        (1..=MOST).contains(&requests),
        "--rate and --for ask for {requests} requests: 1 to {MOST} can be"
    );
    let body = match &arguments.body {
        Some(file) => {
            let name = file.display();
            Some(tokio::fs::read(file).await.with_context(|| format!("{name} cannot be read"))?)
        }
        None => None,
    };
    let Bench { url, method, key, rate, connections, format, .. } = arguments;
    let sender = Arc::new(Sender::of(Load { method, url, key, body })?);
    let places = Arc::new(Semaphore::new(usize::from(connections)));
    let bar = bar(requests, "requests");
    let mut seen = Seen::default();
    let mut running = JoinSet::new();
    let start = Instant::now();
    for number in 0..requests {
        let due = start + Duration::from_secs(number) / rate;
        sleep_until(due).await;
        let (sender, places) = (sender.clone(), places.clone());
        running.spawn(async move {
            // It is never closed.
            let _place = places.acquire().await.ok();
            let answer = sender.send().await;
            (answer, due.elapsed())
        });
        while let Some(ended) = running.try_join_next() {
            seen.note(ended?);
            bar.inc(1);
        }
    }
    while let Some(ended) = running.join_next().await {
        seen.note(ended?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(seen.answer(format, start.elapsed()))
}

/// What has come back.
#[derive(Debug, Default)]
struct Seen {
    answers: BTreeMap<String, u64>,
    good: bool,
    times: Vec<Duration>,
}

impl Seen {
    fn note(&mut self, (answer, time): (Result<u16, &'static str>, Duration)) {
        let is_good = matches!(answer, Ok(200..=299));
        self.good = is_good && (self.good || self.times.is_empty());
        let name = answer.map_or_else(str::to_owned, |status| status.to_string());
        *self.answers.entry(name).or_default() += 1;
        self.times.push(time);
    }

    fn answer(mut self, format: Format, took: Duration) -> Answer {
        self.times.sort_unstable();
        let sent = self.times.len();
        let place = |share: usize| self.times.get((sent * share).div_ceil(1_000).saturating_sub(1));
        let millis = |share| place(share).map_or(0.0, |time| round(time.as_secs_f64() * 1_000.0));
        let (p50, p90, p99, max) = (millis(500), millis(900), millis(990), millis(1_000));
        let per_second = round(f64::from(u32::try_from(sent).unwrap_or(u32::MAX)) / took.as_secs_f64());
        let document: Value = json!({
            "sent": sent, "answers": self.answers, "perSecond": per_second,
            "latencyMs": {"p50": p50, "p90": p90, "p99": p99, "max": max},
        });
        let text = format.answer(&document, || {
            let mut answers = Table::new(["ANSWER", "REQUESTS"]);
            for (answer, count) in &self.answers {
                answers.row([answer.clone(), count.to_string()]);
            }
            let mut times = Table::new(["REQUESTS/S", "P50 MS", "P90 MS", "P99 MS", "MAX MS"]);
            times.row([per_second, p50, p90, p99, max].map(|figure| figure.to_string()));
            format!("{}\n{}", answers.text("nothing was sent"), times.text(""))
        });
        Answer { text, good: self.good }
    }
}

/// To hundredths.
fn round(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_counted_and_one_failure_is_enough() {
        let mut seen = Seen::default();
        for millis in 1..=98 {
            seen.note((Ok(200), Duration::from_millis(millis)));
        }
        assert!(seen.good);
        seen.note((Err("no connection"), Duration::from_millis(99)));
        seen.note((Ok(204), Duration::from_millis(100)));
        let answer = seen.answer(Format { json: true }, Duration::from_secs(10));
        assert!(!answer.good);
        let document: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        assert_eq!(document["answers"], json!({"200": 98, "204": 1, "no connection": 1}));
        assert_eq!(document["latencyMs"], json!({"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}));
        assert_eq!(document["perSecond"], 10.0);
    }
}
