//! A replay of the broker's dead letters: what is wanted, and how far it has come.

use chrono::{DateTime, Utc};
use platform_broker::dead_letters::{Filter, Plan};
use uuid::Uuid;

/// How a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayState {
    /// Nobody carries it out yet.
    Queued,
    Running,
    /// It is to stop as soon as nothing is half-done.
    Cancelling,
    Cancelled,
    Completed,
    /// It cannot go on before somebody does something.
    Failed,
}

impl ReplayState {
    const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Cancelling, Self::Cancelled, Self::Completed, Self::Failed];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether somebody carries it out, or will.
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Cancelling)
    }
}

/// A replay of the dead letters of one work queue.
#[derive(Clone, Debug)]
pub struct Replay {
    pub id: Uuid,
    /// The work queue.
    pub queue: String,
    pub filter: Filter,
    /// Messages per second; `None`: as fast as it goes.
    pub rate: Option<f64>,
    pub state: ReplayState,
    /// How many messages are meant, once they are counted.
    pub total: Option<i64>,
    /// How many of them are back at work.
    pub moved: i64,
    /// Why it does not get on, or why it has failed.
    pub error: Option<String>,
    /// `client:<id>`.
    pub requested_by: String,
    /// What died later is not meant.
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl Replay {
    /// What lies in the broker while it is carried out.
    pub fn plan(&self) -> Plan {
        Plan {
            run: self.id.to_string(),
            by: self.requested_by.clone(),
            started: self.created_at,
            filter: self.filter.clone(),
        }
    }

    /// Total and moved, once so many have been counted that are still to be moved. One that its holder left in the
    /// middle has moved whatever is not there any more, known or not; one that begins, or begins again, knows.
    pub fn counted(&self, left: i64, was_left: bool) -> (i64, i64) {
        match self.total {
            Some(total) if was_left => (total, (total - left).max(self.moved)),
            _ => (self.moved + left, self.moved),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_holder_has_moved_without_saying_so_counts() {
        let known = Replay {
            id: Uuid::nil(),
            queue: "q".to_owned(),
            filter: Filter::default(),
            rate: None,
            state: ReplayState::Running,
            total: None,
            moved: 0,
            error: None,
            requested_by: "client:c".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            ended_at: None,
        };
        let at = |total, moved| Replay { total, moved, ..known.clone() };
        assert_eq!(at(None, 0).counted(5, false), (5, 0), "begun");
        assert_eq!(at(None, 0).counted(5, true), (5, 0), "left before it was counted");
        assert_eq!(at(Some(9), 4).counted(3, true), (9, 6), "left in the middle");
        assert_eq!(at(Some(9), 4).counted(3, false), (7, 4), "cancelled, and others took some");
        assert_eq!(at(Some(9), 4).counted(9, true), (9, 4));
    }

    #[test]
    fn every_state_is_known_by_its_word() {
        for state in ReplayState::ALL {
            assert_eq!(ReplayState::parse(state.word()), Some(state));
        }
        assert_eq!(ReplayState::parse("LOST"), None);
    }
}
