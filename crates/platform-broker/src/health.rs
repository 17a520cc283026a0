//! The synchronous answer to "does this process publish and consume right now?".
//!
//! Asks the states that lapin keeps up to date, so an answer costs a lock and no I/O, and a lost channel
//! shows in it before the task that owns the channel has noticed. Whether a problem here makes a service
//! unready is the service's decision.

use lapin::{ChannelStatus, ConnectionStatus};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The health of one process's broker connections and consumers. Clones speak of the same process.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, State>>>);

#[derive(Debug)]
enum State {
    Down { since: Instant, reason: String },
    Connected(ConnectionStatus),
    Consuming(ChannelStatus),
}

impl Health {
    /// One line for each part that does not work, with the reason and since when; empty when all is well.
    pub fn problems(&self) -> Vec<String> {
        self.lock().iter().filter_map(|(name, state)| state.problem(name)).collect()
    }

    /// Adds a part, which is down until it says otherwise.
    pub(crate) fn part(&self, name: &str) -> Part {
        let mut parts = self.lock();
        // A process may run several consumers of one queue.
        let mut unique = name.to_owned();
        let mut number = 2;
        while parts.contains_key(&unique) {
            unique = format!("{name} ({number})");
            number += 1;
        }
        let down = State::Down { since: Instant::now(), reason: "not connected yet".to_owned() };
        parts.insert(unique.clone(), down);
        Part { health: self.clone(), name: unique }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn problem(&self, name: &str) -> Option<String> {
        match self {
            Self::Down { since, reason } => {
                Some(format!("{name}: not working for {} s: {reason}", since.elapsed().as_secs()))
            }
            Self::Connected(connection) if !connection.connected() => {
                Some(format!("{name}: the connection is lost"))
            }
            Self::Connected(connection) if connection.blocked() => {
                Some(format!("{name}: the broker blocks publishers (memory or disk alarm)"))
            }
            Self::Consuming(channel) if !channel.connected() => Some(format!("{name}: the channel is lost")),
            Self::Connected(_) | Self::Consuming(_) => None,
        }
    }
}

/// One part's own line in the health of its process.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    health: Health,
    name: String,
}

impl Part {
    pub(crate) fn down(&self, reason: impl Into<String>) {
        let reason = reason.into();
        let mut parts = self.health.lock();
        let since = match parts.get(&self.name) {
            Some(State::Down { since, .. }) => *since,
            _ => Instant::now(),
        };
        parts.insert(self.name.clone(), State::Down { since, reason });
    }

    /// There is nothing to watch any more.
    pub(crate) fn done(&self) {
        self.health.lock().remove(&self.name);
    }

    pub(crate) fn connected(&self, connection: ConnectionStatus) {
        self.health.lock().insert(self.name.clone(), State::Connected(connection));
    }

    pub(crate) fn consuming(&self, channel: ChannelStatus) {
        self.health.lock().insert(self.name.clone(), State::Consuming(channel));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_problem_until_it_works_and_keeps_the_start_of_its_outage() {
        let health = Health::default();
        assert!(health.problems().is_empty());
        let part = health.part("consumer of orders");
        assert_eq!(health.problems(), ["consumer of orders: not working for 0 s: not connected yet"]);
        part.connected(ConnectionStatus::default());
        assert_eq!(health.problems(), ["consumer of orders: the connection is lost"]);
        health.part("consumer of orders").connected(ConnectionStatus::default());
        assert_eq!(health.problems()[1], "consumer of orders (2): the connection is lost");
        part.down("connection refused");
        assert_eq!(health.problems()[0], "consumer of orders: not working for 0 s: connection refused");
    }
}
