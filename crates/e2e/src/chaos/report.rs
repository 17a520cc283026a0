//! What a run found, for people and as JSON.

use super::Options;
use super::faults::Struck;
use super::ledger::Served;
use super::reconcile::{Found, Rest};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Of a long list this many are shown.
const SHOWN: usize = 20;

/// A run with everything that it found.
#[derive(Clone, Debug)]
pub struct Report {
    pub options: Options,
    pub(super) struck: Vec<Struck>,
    /// Replicas that ended without being killed, and when.
    pub(super) ended: Vec<(String, Duration)>,
    pub(super) written_in: Duration,
    pub(super) rest: Rest,
    pub(super) served: BTreeMap<&'static str, Served>,
    pub(super) found: Found,
}

impl Report {
    /// Writes that were answered 2xx.
    pub fn accepted(&self) -> usize {
        self.served.values().map(|served| served.accepted).sum()
    }

    /// How many accepted writes, or what must follow from them, are not where they must be.
    pub fn lost(&self) -> usize {
        self.found.lost.len()
    }

    /// How many effects came twice without being the repetition of one delivery.
    pub fn unexplained(&self) -> usize {
        self.found.unexplained.len()
    }

    /// Whether everything is as it must be.
    pub fn is_whole(&self) -> bool {
        self.found.is_whole()
            && self.rest.left.is_none()
            && self.accepted() >= self.options.writes
            && self.struck.iter().all(|struck| struck.recovered_in.is_some())
    }

    /// The longest that a client was kept from writing.
    fn longest_outage(&self) -> Duration {
        self.served.values().map(|served| served.longest_outage).max().unwrap_or_default()
    }

    /// From the end of a fault until every surface worked again: the median and the longest.
    fn recovery(&self) -> (Duration, Duration) {
        let mut times: Vec<_> = self.struck.iter().filter_map(|struck| struck.recovered_in).collect();
        times.sort_unstable();
        let middle = times.get(times.len() / 2).copied().unwrap_or_default();
        (middle, times.last().copied().unwrap_or_default())
    }

    pub fn to_json(&self) -> Value {
        let found = &self.found;
        let surfaces: BTreeMap<_, _> =
            self.served.iter().map(|(name, served)| (name, of_served(served))).collect();
        let writes: BTreeMap<_, _> = found
            .writes
            .iter()
            .map(|(what, (accepted, stored))| (what, json!({"accepted": accepted, "stored": stored})))
            .collect();
        let published: BTreeMap<_, _> = found
            .published
            .iter()
            .map(|(kind, (expected, got))| (kind, json!({"expected": expected, "published": got})))
            .collect();
        let deliveries: Vec<_> = found
            .deliveries
            .iter()
            .map(|one| {
                json!({
                    "subscription": one.name, "expected": one.expected, "delivered": one.delivered,
                    "duplicates": one.duplicates,
                })
            })
            .collect();
        let ended =
            self.ended.iter().map(|(name, at)| json!({"replica": name, "atSeconds": at.as_secs_f64()}));
        let (middle, longest) = self.recovery();
        json!({
            "seed": self.options.seed, "passed": self.is_whole(), "accepted": self.accepted(),
            "faults": self.struck.iter().map(Struck::to_json).collect::<Vec<_>>(),
            "endedByThemselves": ended.collect::<Vec<_>>(),
            "writtenInSeconds": self.written_in.as_secs_f64(),
            "settledInSeconds": self.rest.took.as_secs_f64(), "notSettled": self.rest.left,
            "longestOutageSeconds": self.longest_outage().as_secs_f64(),
            "recoverySeconds": {"median": middle.as_secs_f64(), "longest": longest.as_secs_f64()},
            "surfaces": surfaces, "writes": writes, "published": published, "deliveries": deliveries,
            "lost": found.lost, "duplicates": found.duplicates(), "unexplainedDuplicates": found.unexplained,
            "refused": found.refused, "strays": found.strays, "unusable": found.unusable,
            "unfinished": found.unfinished,
        })
    }
}

fn of_served(served: &Served) -> Value {
    json!({
        "accepted": served.accepted, "attempts": served.attempts, "unanswered": served.unanswered,
        "replayed": served.replayed, "failures": served.failures,
        "longestOutageSeconds": served.longest_outage.as_secs_f64(),
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "chaos, seed {}", self.options.seed)?;
        writeln!(f, "\nfaults: when, what, how long, and until every surface worked again")?;
        for struck in &self.struck {
            writeln!(f, "{struck}")?;
        }
        for (name, at) in &self.ended {
            writeln!(f, "  {:>7.1} s  {name} ended by itself and was started again", at.as_secs_f64())?;
        }
        writeln!(
            f,
            "\nsurface    accepted   tries  no answer  found accepted  5xx and others   longest outage"
        )?;
        for (name, served) in &self.served {
            let Served { accepted, attempts, unanswered, replayed, .. } = served;
            let failures = format!("{:?}", served.failures);
            let outage = served.longest_outage.as_secs_f64();
            writeln!(
                f,
                "{name:<10} {accepted:>8} {attempts:>7} {unanswered:>10} {replayed:>15}  {failures:<24} {outage:>6.1} s"
            )?;
        }
        writeln!(f, "\nwritten              accepted  stored")?;
        for (what, (accepted, stored)) in &self.found.writes {
            writeln!(f, "{what:<20} {accepted:>8} {stored:>7}")?;
        }
        writeln!(f, "\nevent                expected  published")?;
        for (kind, (expected, got)) in &self.found.published {
            writeln!(f, "{kind:<20} {expected:>8} {got:>10}")?;
        }
        writeln!(
            f,
            "\nsubscription                                             expected  delivered  again, same id"
        )?;
        for one in &self.found.deliveries {
            let (name, expected) = (&one.name, one.expected);
            writeln!(f, "{name:<55} {expected:>9} {:>10} {:>15}", one.delivered, one.duplicates)?;
        }
        self.verdict(f)
    }
}

impl Report {
    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.found;
        for (what, list) in [
            ("lost", &found.lost),
            ("unexplained duplicates", &found.unexplained),
            ("refused", &found.refused),
            ("strays", &found.strays),
            ("unusable deliveries", &found.unusable),
            ("unfinished", &found.unfinished),
        ] {
            if !list.is_empty() {
                writeln!(f, "\n{what}: {}", list.len())?;
            }
            for one in list.iter().take(SHOWN) {
                writeln!(f, "  {one}")?;
            }
        }
        if let Some(left) = &self.rest.left {
            writeln!(f, "\nnot settled: {left}")?;
        }
        let (middle, longest) = self.recovery();
        writeln!(
            f,
            "\n{} writes accepted in {:.0} s under {} faults; all settled {:.1} s later; longest outage for a client \
             {:.1} s; recovery: median {:.1} s, longest {:.1} s",
            self.accepted(),
            self.written_in.as_secs_f64(),
            self.struck.len(),
            self.rest.took.as_secs_f64(),
            self.longest_outage().as_secs_f64(),
            middle.as_secs_f64(),
            longest.as_secs_f64(),
        )?;
        write!(
            f,
            "lost = {}, duplicates = {} (all under the same webhook-id), unexplained duplicates = {}: {}",
            self.lost(),
            found.duplicates(),
            self.unexplained(),
            if self.is_whole() { "passed" } else { "FAILED" }
        )
    }
}
