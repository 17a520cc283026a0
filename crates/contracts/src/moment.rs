//! Points in time in JSON, where many are written.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serializer;

/// Writes what [`DateTime`] itself writes (RFC 3339, as few digits of a second as it has), several times as fast: as one
/// text, not character by character.
///
/// # Errors
/// When the serializer has one.
pub fn serialize<S: Serializer>(moment: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&moment.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    #[test]
    fn a_moment_is_written_as_by_its_own_type() {
        for nanoseconds in [0, 500_000_000, 1_000, 1] {
            for seconds in [0, -62_135_596_800, 1_775_000_000, 253_402_300_800] {
                let moment = DateTime::<Utc>::from_timestamp(seconds, nanoseconds).unwrap();
                let written = super::serialize(&moment, serde_json::value::Serializer).unwrap();
                assert_eq!(written, serde_json::to_value(moment).unwrap());
            }
        }
    }
}
