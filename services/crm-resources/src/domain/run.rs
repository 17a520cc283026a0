//! A run of an automation: one event, one way through the steps.

use super::definition::Step;
use chrono::{DateTime, TimeDelta, Utc};
use contracts::crm::ObjectId;
use contracts::crm_events::Cause;
use contracts::ids::{EventId, OrganizationId};
use serde_json::Value;
use uuid::Uuid;

/// So many automations may set each other off. The next one is dead-lettered unrun.
pub const DEEPEST: u32 = 5;
/// How often a step is tried before the run is dead-lettered: with [`Run::pause`], about a day and a half.
pub const MOST_ATTEMPTS: i32 = 20;
/// How long a run waits for a receiver that does not work before it is dead-lettered.
pub const LONGEST_WAIT: TimeDelta = TimeDelta::days(3);
const SHORTEST_PAUSE: TimeDelta = TimeDelta::seconds(5);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(3);

/// A run that has steps to take.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub organization: OrganizationId,
    pub id: Uuid,
    pub automation_id: ObjectId,
    pub event_id: EventId,
    pub event_type: String,
    /// The id of what the event is about.
    pub subject: String,
    pub depth: i32,
    pub data: Value,
    pub steps: Vec<Step>,
    /// The step that is next.
    pub position: i32,
    /// Of that step.
    pub attempts: i32,
    /// Since when that step waits for a receiver that does not work.
    pub waiting_since: Option<DateTime<Utc>>,
}

impl Run {
    /// What its changes say of where they come from.
    pub fn cause(&self) -> Cause {
        Cause {
            automation_id: self.automation_id,
            run_id: self.id,
            depth: u32::try_from(self.depth).unwrap_or(u32::MAX),
        }
    }

    /// The step that is next; `None` at the end.
    pub fn step(&self) -> Option<&Step> {
        self.steps.get(usize::try_from(self.position).ok()?)
    }

    /// The name under which others see the effect of the present step, the same at every attempt.
    pub fn effect_id(&self) -> String {
        format!("run_{}_{}", self.id.simple(), self.position)
    }

    /// How long to wait after the present attempt failed.
    pub fn pause(&self) -> TimeDelta {
        let doublings = u32::try_from(self.attempts).unwrap_or(0).min(16);
        (SHORTEST_PAUSE * 2_i32.saturating_pow(doublings)).min(LONGEST_PAUSE)
    }
}

/// What comes of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// On to the next step.
    Done,
    /// On to the next step, but not before this.
    DoneUntil(DateTime<Utc>),
    /// The run is over, as its author wanted.
    Stopped,
    /// The same step again, later.
    Again(String),
    /// Nothing has been done, and whether it can be is not known: the same step again, then, and this was no attempt.
    /// With an error its receiver does not work, without one it has enough to do.
    Later { until: DateTime<Utc>, error: Option<String> },
    /// It can never be done: the run is a dead letter.
    Dead(String),
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Pending,
    Completed,
    DeadLetter,
}

impl RunState {
    pub const ALL: [Self; 3] = [Self::Pending, Self::Completed, Self::DeadLetter];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::DeadLetter => "dead_letter",
        }
    }
}

/// A run as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    pub id: Uuid,
    pub event_id: Uuid,
    pub event_type: String,
    pub subject: String,
    pub state: String,
    pub position: i32,
    pub steps_count: i64,
    pub attempts: i32,
    pub depth: i32,
    pub error: Option<String>,
    pub waiting_since: Option<DateTime<Utc>>,
    /// What was done: a list of `{position, step, attempt, outcome, error?, at}`.
    pub log: Value,
    pub created_at: DateTime<Utc>,
    pub next_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// A run with what it began with.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeRun {
    pub report: RunReport,
    pub steps: Value,
    /// Of the event.
    pub data: Value,
}
