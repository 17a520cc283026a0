//! Conditional changes: entity tags and `If-Match` (RFC 9110 §8.8.3, §13.1.1).

/// What must be true of a resource for a change to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    #[default]
    None,
    /// It exists, which every change demands anyway.
    Exists,
    /// It is at one of these versions.
    Versions(Vec<i64>),
}

impl Precondition {
    /// Reads the value of `If-Match`. A tag that is none of ours matches nothing.
    pub fn parse(header: Option<&str>) -> Self {
        let Some(header) = header else { return Self::None };
        if header.trim() == "*" {
            return Self::Exists;
        }
        // Weak tags never match: the comparison is the strong one.
        Self::Versions(header.split(',').filter_map(|tag| version_of(tag.trim())).collect())
    }

    pub fn holds(&self, version: i64) -> bool {
        match self {
            Self::None | Self::Exists => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

/// The entity tag of a version.
pub fn entity_tag(version: i64) -> String {
    format!("\"{version}\"")
}

fn version_of(tag: &str) -> Option<i64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_matches_its_own_strong_tag_alone() {
        let holds = |header| Precondition::parse(Some(header)).holds(3);
        assert!(holds("*") && holds("\"3\"") && holds("\"2\", \"3\"") && Precondition::parse(None).holds(3));
        for header in ["\"2\"", "W/\"3\"", "3", "", "\"\"", "\"x\""] {
            assert!(!holds(header), "{header}");
        }
        assert_eq!(Precondition::parse(Some(&entity_tag(3))), Precondition::Versions(vec![3]));
    }
}
