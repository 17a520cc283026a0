//! The words and bounds that events and snapshots share.

use platform::Violation;
use platform::document::text;
use serde_json::Value;
use std::borrow::Cow;

/// The most events of a batch.
pub const BATCH_LIMIT: usize = 500;
/// The longest metadata, in bytes of compact JSON.
pub const METADATA_LIMIT: usize = 16_384;
/// The longest duration, in seconds.
pub const LONGEST_DURATION: i64 = 86_400;
/// How many issues of an event its message lists.
const LISTED_ISSUES: usize = 5;

/// The name of a type of events or snapshots: 3 to 64 of letters, digits, `_`, `.` and `-`, a letter or digit at
/// both ends.
pub fn type_name(value: &Value) -> Result<&str, Cow<'static, str>> {
    let name = text(0..=usize::MAX)(value)?;
    if is_type_name(name) {
        Ok(name)
    } else {
        Err("must be 3 to 64 letters, digits, \"_\", \".\" or \"-\", a letter or digit first and last".into())
    }
}

/// The rule of [`type_name`].
pub fn is_type_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    (3..=64).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte))
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}

/// What is wrong with an event, in one line.
pub fn issues(violations: &[Violation]) -> String {
    let mut listed: Vec<String> = violations
        .iter()
        .take(LISTED_ISSUES)
        .map(|violation| format!("{} {}", violation.path, violation.message).trim().to_owned())
        .collect();
    let rest = violations.len().saturating_sub(LISTED_ISSUES);
    if rest > 0 {
        listed.push(format!("and {rest} more"));
    }
    listed.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn type_names_are_those_of_the_contract() {
        for good in ["abc", "ticket.resolved", "A-1_b.c", "9".repeat(64).as_str()] {
            assert!(type_name(&json!(good)).is_ok(), "{good}");
        }
        for bad in ["", "ab", ".abc", "abc.", "a b", "tickét", "9".repeat(65).as_str(), "abc\n"] {
            assert!(type_name(&json!(bad)).is_err(), "{bad}");
        }
        assert!(type_name(&json!(7)).is_err());
    }
}
