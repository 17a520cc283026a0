//! The ledger: every write that was answered 2xx, with what must follow from it, and how hard it was to get there.

use contracts::Surface;
use reqwest::Method;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whose subscriptions are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The partner and the platform family of an organisation.
    Leads(usize),
    /// The platform family of an organisation.
    Platform(usize),
    /// Both parties of a LEX message.
    Lex,
}

/// Something that must be told, once, to each subscription that wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub audience: Audience,
    /// The event's type; `lex` for messages.
    pub kind: String,
    pub mark: String,
}

impl Effect {
    pub fn new(audience: Audience, kind: &str, mark: &str) -> Self {
        Self { audience, kind: kind.to_owned(), mark: mark.to_owned() }
    }

    /// As the books of the subscribers write it.
    pub fn told_as(&self) -> String {
        format!("{} {}", self.kind, self.mark)
    }
}

/// A write that can be made again without a second effect.
#[derive(Clone, Debug)]
pub struct Write {
    pub surface: Surface,
    pub tenant: usize,
    /// What is written.
    pub what: &'static str,
    pub method: Method,
    pub path: String,
    pub body: Value,
    /// The `Idempotency-Key`, where that is what makes it safe to repeat.
    pub key: Option<String>,
    /// By which it is found again.
    pub marks: Vec<String>,
    pub effects: Vec<Effect>,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    /// A status that no repetition changes.
    Refused(String),
    /// Tried for too long.
    Unresolved,
}

/// A write with what became of it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub write: Write,
    pub outcome: Outcome,
    /// When it was first tried.
    pub begun: Instant,
    pub attempts: usize,
}

/// How one surface was served.
#[derive(Clone, Debug, Default)]
pub struct Served {
    pub accepted: usize,
    pub attempts: usize,
    /// Attempts of which nothing is known: no answer, or none in time.
    pub unanswered: usize,
    /// Writes that had been accepted without the writer's knowing, and were found so by repetition.
    pub replayed: usize,
    /// Statuses that were tried again, with their numbers.
    pub failures: BTreeMap<u16, usize>,
    /// The longest time from the first failure of a write to its acceptance.
    pub longest_outage: Duration,
    /// When the attempt began that was accepted last.
    pub last_success_began: Option<Instant>,
}

/// Everything that is known about the writes.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Pages>);

#[derive(Debug, Default)]
pub struct Pages {
    pub entries: Vec<Entry>,
    served: HashMap<Surface, Served>,
}

impl Pages {
    pub fn served(&mut self, surface: Surface) -> &mut Served {
        self.served.entry(surface).or_default()
    }
}

impl Ledger {
    pub fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How each surface was served, by its name.
    pub fn all_served(&self) -> BTreeMap<&'static str, Served> {
        self.pages().served.iter().map(|(surface, served)| (surface.name(), served.clone())).collect()
    }

    pub fn accepted(&self) -> usize {
        self.pages().served.values().map(|served| served.accepted).sum()
    }

    /// Whether every surface has accepted something that was begun after a moment.
    pub fn all_served_since(&self, moment: Instant) -> bool {
        let pages = self.pages();
        let since = |surface| {
            let served = pages.served.get(&surface)?;
            Some(served.last_success_began? >= moment)
        };
        Surface::ALL.into_iter().all(|surface| since(surface) == Some(true))
    }
}
