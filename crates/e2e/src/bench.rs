//! Benchmarks of the durable core: each measures against a baseline of the same machine, in the same run.

pub mod accept;
pub mod backlog;
pub mod console;
pub mod crm;
mod delivery;
pub mod end_to_end;
pub mod gateway;
pub mod group_commit;
pub mod growth;
pub mod ingest;
pub mod isolation;
pub mod latency;
pub mod lex;
pub mod memory;
pub mod outbox_claim;
pub mod relay;
mod underneath;

use serde_json::{Value, json};
use std::time::Duration;

/// One line of a report.
#[derive(Clone, Debug)]
pub struct Line {
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    /// The least and the most of the rounds whose middle the value is.
    pub range: Option<[f64; 2]>,
}

/// What a scenario found.
#[derive(Clone, Debug)]
pub struct Report {
    pub scenario: &'static str,
    pub lines: Vec<Line>,
    /// What is aimed at, and whether this run reached it.
    pub aim: &'static str,
    pub reached: bool,
}

impl Report {
    pub fn to_json(&self) -> Value {
        let lines: Vec<_> = self
            .lines
            .iter()
            .map(|line| json!({"what": line.what, "value": line.value, "unit": line.unit, "range": line.range}))
            .collect();
        json!({"scenario": self.scenario, "lines": lines, "aim": self.aim, "reached": self.reached})
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.scenario)?;
        for Line { what, value, unit, range } in &self.lines {
            write!(f, "  {what:<58} {value:>12.2} {unit}")?;
            match range {
                Some([least, most]) => writeln!(f, " [{least:.2}–{most:.2}]")?,
                None => writeln!(f)?,
            }
        }
        write!(f, "  aim: {}: {}", self.aim, if self.reached { "reached" } else { "NOT reached" })
    }
}

fn line(what: impl Into<String>, value: f64, unit: &'static str) -> Line {
    Line { what: what.into(), value, unit, range: None }
}

/// The middle of several rounds, with their range.
fn line_of(what: impl Into<String>, rounds: &[f64], unit: &'static str) -> Line {
    let least = rounds.iter().copied().fold(f64::INFINITY, f64::min);
    let most = rounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Line { range: Some([least, most]), ..line(what, median(rounds), unit) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// The middle one.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
