//! Event filters: which types of events a subscription wants.

/// The longest filter, in characters.
pub const MAX_LENGTH: usize = 255;

/// One entry of a subscription's `events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventFilter {
    /// `*`
    Any,
    /// `lead.*`: every type that begins with `lead.`. Holds the dot.
    Prefix(String),
    /// `lead.created`
    Exact(String),
}

/// The types of the platform's own events about webhooks. They reach only who names them exactly, because
/// deliveries of them would make more of them.
const OWN_EVENTS: &str = "webhook.";

impl EventFilter {
    /// Reads a filter. Words of letters, digits and underscores, joined by dots (Standard Webhooks, event
    /// types); then perhaps `.*`; or `*` alone.
    pub fn parse(text: &str) -> Option<Self> {
        let words = text.strip_suffix(".*").unwrap_or(text);
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let well_formed = text.len() <= MAX_LENGTH && (text == "*" || words.split('.').all(is_word));
        well_formed.then(|| Self::stored(text))
    }

    /// Reads a filter that was checked when it was stored.
    pub fn stored(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some("") => Self::Any,
            Some(prefix) => Self::Prefix(prefix.to_owned()),
            None => Self::Exact(text.to_owned()),
        }
    }

    /// Whether it wants events of this type.
    pub fn matches(&self, kind: &str) -> bool {
        match self {
            Self::Exact(wanted) => kind == wanted,
            Self::Any => !kind.starts_with(OWN_EVENTS),
            Self::Prefix(prefix) => kind.starts_with(prefix.as_str()) && !kind.starts_with(OWN_EVENTS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_an_exact_type_a_prefix_or_everything() {
        for (filter, kind, wanted) in [
            ("lead.created", "lead.created", true),
            ("lead.created", "lead.created.v2", false),
            ("lead.created", "Lead.created", false),
            ("lead.*", "lead.created", true),
            ("lead.*", "lead.status.changed", true),
            ("lead.*", "lead", false),
            ("lead.*", "leads.created", false),
            ("lead.status.*", "lead.status.changed", true),
            ("lead.status.*", "lead.created", false),
            ("*", "lead.created", true),
            ("*", "policy", true),
            ("*", "webhook.subscription.disabled", false),
            ("webhook.*", "webhook.subscription.disabled", false),
            ("webhook.subscription.disabled", "webhook.subscription.disabled", true),
        ] {
            let parsed = EventFilter::parse(filter).unwrap();
            assert_eq!(parsed.matches(kind), wanted, "{filter} against {kind}");
        }
    }

    #[test]
    fn malformed_filters_are_refused() {
        for text in [
            "",
            ".",
            "*.*",
            "lead.",
            ".created",
            "lead..created",
            "lead*",
            "lead.*.x",
            "**",
            "le ad",
            "lead-x",
            "lead.é",
        ] {
            assert_eq!(EventFilter::parse(text), None, "{text}");
        }
        assert_eq!(EventFilter::parse(&"a".repeat(MAX_LENGTH + 1)), None);
    }
}
