//! The source of identifiers. Nothing else in the workspace makes a UUID.

use chrono::{DateTime, TimeZone, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::{NoContext, Timestamp, Uuid};

/// Makes UUIDs of version 7, whose first 48 bits are the Unix time in milliseconds (RFC 9562 §5.7).
#[derive(Clone, Debug, Default)]
pub struct IdSource(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    Random,
    Counting(Arc<AtomicU64>),
}

impl IdSource {
    /// Ids with random tails.
    pub fn random() -> Self {
        Self(Source::Random)
    }

    /// Ids that count up from one: the same in every run of a test.
    pub fn counting() -> Self {
        Self(Source::Counting(Arc::new(AtomicU64::new(1))))
    }

    /// A new id of this moment.
    pub fn at(&self, time: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(time.timestamp_millis()).unwrap_or(0);
        match &self.0 {
            Source::Random => {
                let stamp = Timestamp::from_unix(
                    NoContext,
                    millis / 1000,
                    u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000,
                );
                Uuid::new_v7(stamp)
            }
            Source::Counting(next) => {
                let count = next.fetch_add(1, Ordering::Relaxed);
                let mut tail = [0; 10];
                tail[2..].copy_from_slice(&count.to_be_bytes());
                uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
            }
        }
    }
}

/// The moment, in whole milliseconds, that a version 7 id was made for. `None` for any other version.
pub fn time_of(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = (id.get_version_num() == 7).then(|| id.get_timestamp())??.to_unix();
    Utc.timestamp_opt(i64::try_from(seconds).ok()?, nanos).single()
}

/// The smallest version 7 id of a moment: the boundary of a range partition on ids.
pub fn floor(time: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(time.timestamp_millis()).unwrap_or(0);
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Uuid::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_the_millisecond_it_was_made_for() {
        let time =
            Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap() + chrono::TimeDelta::milliseconds(123);
        for source in [IdSource::random(), IdSource::counting()] {
            assert_eq!(time_of(source.at(time)), Some(time));
            assert!(source.at(time) >= floor(time));
            assert!(source.at(time) < floor(time + chrono::TimeDelta::milliseconds(1)));
        }
    }

    #[test]
    fn counted_ids_are_distinct_and_ascending() {
        let source = IdSource::counting();
        let time = Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap();
        assert!(source.at(time) < source.at(time));
    }
}
