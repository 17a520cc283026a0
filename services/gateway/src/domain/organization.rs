//! The tenant.

use super::words::words;
use chrono::{DateTime, Utc};
use contracts::control::OrganizationFacts;
use contracts::identity;
use contracts::ids::OrganizationId;
use serde::Serialize;
use serde_json::Value;

words! {
    /// How much of the LEX standard an organisation has shown to master.
    LexLevel { L1 = "L1", L2 = "L2", L3 = "L3", }
    /// How many LEX messages it may send.
    LexTier { Standard = "standard", Enterprise = "enterprise", }
}

impl LexLevel {
    /// As other services know it.
    pub const fn fact(self) -> identity::LexLevel {
        match self {
            Self::L1 => identity::LexLevel::L1,
            Self::L2 => identity::LexLevel::L2,
            Self::L3 => identity::LexLevel::L3,
        }
    }
}

impl LexTier {
    /// As other services know it.
    pub const fn fact(self) -> identity::LexTier {
        match self {
            Self::Standard => identity::LexTier::Standard,
            Self::Enterprise => identity::LexTier::Enterprise,
        }
    }
}

/// What an organisation is asked to be.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    pub slug: String,
    pub name: String,
    pub lex: LexProfile,
    pub plan: Plan,
    pub metadata: Option<Value>,
}

/// What it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    pub id: OrganizationId,
    pub slug: String,
    pub name: String,
    pub lex: LexProfile,
    pub plan: Plan,
    pub metadata: Option<Value>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// How often it was written.
    #[serde(skip)]
    pub version: i64,
}

impl Organization {
    /// What other services may know of it.
    pub fn facts(&self) -> OrganizationFacts {
        OrganizationFacts {
            id: self.id,
            slug: self.slug.clone(),
            name: self.name.clone(),
            lex_organization_id: self.lex.organization_id.clone(),
            lex_aliases: self.lex.aliases.clone(),
            lex_level: self.lex.conformance_level.map(LexLevel::fact),
            lex_tier: self.lex.tier.fact(),
            lex_notification_webhook: self.lex.notification_webhook.clone(),
        }
    }
}

/// Who an organisation is in LEX messages.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LexProfile {
    pub organization_id: Option<String>,
    pub aliases: Vec<String>,
    pub conformance_level: Option<LexLevel>,
    pub tier: LexTier,
    pub notification_webhook: Option<String>,
}

impl Default for LexProfile {
    fn default() -> Self {
        Self {
            organization_id: None,
            aliases: Vec::new(),
            conformance_level: None,
            tier: LexTier::Standard,
            notification_webhook: None,
        }
    }
}

/// What an organisation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    pub api_enabled: bool,
    pub monthly_event_quota: i64,
    pub requests_per_minute_per_key: i64,
    pub requests_per_minute_per_organization: i64,
    /// `None`: as many as it likes.
    pub max_workers: Option<i64>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            api_enabled: true,
            monthly_event_quota: 1_000_000,
            requests_per_minute_per_key: 600,
            requests_per_minute_per_organization: 3_000,
            max_workers: None,
        }
    }
}

/// The longest slug.
pub const MAX_SLUG: usize = 63;

/// Slugs that would be mistaken for parts of scopes or of the platform itself.
const RESERVED: [&str; 6] = ["admin", "api", "internal", "lex", "platform", "www"];

/// Whether an organisation may have this slug: `^[a-z][a-z0-9_]+$`, not too long, not reserved.
pub fn is_slug(text: &str) -> bool {
    text.len() <= MAX_SLUG && dialects::partner::is_slug(text) && !RESERVED.contains(&text)
}

/// A slug made from a name: `Acme Inc.` becomes `acme_inc`.
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        if slug.len() >= MAX_SLUG - 16 {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    let slug = slug.trim_end_matches('_').to_owned();
    if is_slug(&slug) { slug } else { format!("org_{slug}").trim_end_matches('_').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_made_from_a_name_is_one() {
        for (name, slug) in [
            ("Acme Inc.", "acme_inc"),
            ("42 Ways", "org_42_ways"),
            ("Ünïcode", "n_code"),
            ("lex", "org_lex"),
            ("!", "org"),
        ] {
            assert_eq!(slug_of(name), slug);
            assert!(is_slug(&slug_of(name)), "{name}");
        }
        assert!(is_slug(&slug_of(&"x".repeat(255))));
    }

    #[test]
    fn foreign_letters_and_reserved_words_are_no_slugs() {
        for bad in ["", "a", "Acme", "1acme", "ac-me", "acmé", "lex", "admin", "a\u{200b}cme", "аcme"] {
            assert!(!is_slug(bad), "{bad}");
        }
        assert!(is_slug("acme_2"));
    }
}
