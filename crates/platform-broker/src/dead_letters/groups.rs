//! Counting dead letters by what they have in common.

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// Different keys that are counted; what comes after them is counted as [`OTHERS`].
const KEYS: usize = 1000;
const OTHERS: &str = "(others)";

/// What is counted together.
#[derive(Clone, Debug, Default)]
pub struct Group {
    pub count: u64,
    pub oldest: Option<DateTime<Utc>>,
    pub newest: Option<DateTime<Utc>>,
    /// Of these, those of the last hour.
    pub last_hour: u64,
}

impl Group {
    pub fn add(&mut self, died: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        self.count += 1;
        let Some(died) = died else { return };
        self.oldest = Some(self.oldest.map_or(died, |oldest| oldest.min(died)));
        self.newest = Some(self.newest.map_or(died, |newest| newest.max(died)));
        self.last_hour += u64::from(died >= now - TimeDelta::hours(1));
    }
}

/// Groups by their key.
#[derive(Debug, Default)]
pub struct Groups(BTreeMap<String, Group>);

impl Groups {
    pub fn add(&mut self, key: &str, died: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let key = if self.0.contains_key(key) || self.0.len() < KEYS { key } else { OTHERS };
        self.0.entry(key.to_owned()).or_default().add(died, now);
    }

    pub fn insert(&mut self, key: String, group: Group) {
        self.0.insert(key, group);
    }

    /// The largest first.
    pub fn sorted(self) -> Vec<(String, Group)> {
        let mut groups: Vec<_> = self.0.into_iter().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.count));
        groups
    }
}
