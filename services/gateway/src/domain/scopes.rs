//! Scopes: which there are, what a client may hold, what a caller may grant.

use contracts::Surface;
use contracts::identity::{CredentialKind, Principal};

/// Everything, everywhere.
pub const ADMIN: &str = "platform:admin";

/// The scopes of `ins_` keys.
pub const PLATFORM: [&str; 8] = [
    ADMIN,
    "clients:read",
    "clients:write",
    "webhooks:read",
    "webhooks:write",
    "usage:read",
    "leads:read",
    "leads:write",
];

/// The scopes of OAuth credentials.
pub const LEX: [&str; 7] = [
    "lex:leads:read",
    "lex:leads:write",
    "lex:assets:read",
    "lex:assets:write",
    "lex:closures:write",
    "lex:subscriptions:manage",
    "lex:conformance",
];

const CRM_ACTIONS: [&str; 4] = ["read", "create", "update", "delete"];
const CRM_RESOURCES: [&str; 4] = ["products", "customers", "leads", "automations"];
const PARTNER: [&str; 4] = ["leads:read", "leads:write", "webhooks:read", "webhooks:write"];

/// Whether a scope may stand on a credential of this kind.
pub fn is_of_kind(kind: CredentialKind, scope: &str) -> bool {
    match kind {
        CredentialKind::PlatformKey => PLATFORM.contains(&scope),
        CredentialKind::CrmKey => is_crm(scope),
        CredentialKind::ServiceJwt => partner_slug(scope).is_some(),
        CredentialKind::OauthClient => LEX.contains(&scope),
        CredentialKind::IngestKey => false,
    }
}

/// Whether there is such a scope on any surface.
pub fn is_known(scope: &str) -> bool {
    PLATFORM.contains(&scope) || LEX.contains(&scope) || is_crm(scope) || partner_slug(scope).is_some()
}

/// All scopes of a key surface but `platform:admin`.
pub fn all_of(surface: Surface) -> Vec<String> {
    match surface {
        Surface::Platform => {
            PLATFORM.iter().filter(|&&scope| scope != ADMIN).map(|&scope| scope.to_owned()).collect()
        }
        Surface::Crm => CRM_ACTIONS
            .iter()
            .flat_map(|action| CRM_RESOURCES.iter().map(move |resource| format!("{action}-{resource}")))
            .collect(),
        Surface::Ingest | Surface::Lex | Surface::Partner => Vec::new(),
    }
}

/// Every scope that a client of an organisation may hold when nothing limits it: all but `platform:admin`.
pub fn everything_of(organization_slug: &str) -> Vec<String> {
    let mut all = all_of(Surface::Platform);
    all.extend(all_of(Surface::Crm));
    all.extend(LEX.map(str::to_owned));
    all.extend(PARTNER.map(|scope| format!("{organization_slug}:{scope}")));
    all
}

fn is_crm(scope: &str) -> bool {
    scope
        .split_once('-')
        .is_some_and(|(action, resource)| CRM_ACTIONS.contains(&action) && CRM_RESOURCES.contains(&resource))
}

/// The partner of a scope such as `acme:leads:write`.
fn partner_slug(scope: &str) -> Option<&str> {
    let (slug, rest) = scope.split_once(':')?;
    (PARTNER.contains(&rest) && super::organization::is_slug(slug)).then_some(slug)
}

/// The most that a client's credentials may hold.
#[derive(Clone, Copy, Debug)]
pub struct Ceiling<'c> {
    pub organization_slug: &'c str,
    /// `None`: everything of the organisation but `platform:admin`.
    pub scopes: Option<&'c [String]>,
}

impl Ceiling<'_> {
    pub fn allows(&self, scope: &str) -> bool {
        let is_own = partner_slug(scope).is_none_or(|slug| slug == self.organization_slug);
        let is_listed = match self.scopes {
            Some(scopes) => scopes.iter().any(|listed| listed == scope),
            None => scope != ADMIN,
        };
        is_own && is_listed
    }
}

/// Whether a caller has a scope of the platform surface: itself, the write that implies the read, or all.
pub fn has(principal: &Principal, scope: &str) -> bool {
    let implied =
        || scope.strip_suffix(":read").is_some_and(|noun| principal.has_scope(&format!("{noun}:write")));
    principal.has_scope(scope) || implied() || is_admin(principal)
}

pub fn is_admin(principal: &Principal) -> bool {
    principal.has_scope(ADMIN)
}

/// Whether a caller may give a scope away. Scopes of the platform surface must be on its own key; those of
/// other surfaces, which no key of this surface can hold, must be within its own client's ceiling.
pub fn may_grant(principal: &Principal, own: Ceiling<'_>, scope: &str) -> bool {
    if PLATFORM.contains(&scope) { has(principal, scope) } else { is_admin(principal) || own.allows(scope) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_belongs_to_its_surface() {
        assert!(is_of_kind(CredentialKind::ServiceJwt, "acme:leads:write"));
        assert!(!is_of_kind(CredentialKind::ServiceJwt, "lex:leads:write"));
        assert!(is_of_kind(CredentialKind::OauthClient, "lex:leads:write"));
        assert!(is_of_kind(CredentialKind::CrmKey, "read-products"));
        assert!(!is_of_kind(CredentialKind::CrmKey, "read-policies"));
        assert!(!is_of_kind(CredentialKind::PlatformKey, "acme:leads:write"));
        for unknown in ["", "leads", "acme:leads:delete", "Acme:leads:read", "platform:root"] {
            assert!(!is_known(unknown), "{unknown}");
        }
    }

    #[test]
    fn a_client_without_a_list_may_hold_everything_of_its_own_organisation_but_admin() {
        let ceiling = Ceiling { organization_slug: "acme", scopes: None };
        assert!(ceiling.allows("acme:leads:write"));
        assert!(ceiling.allows("clients:write"));
        assert!(!ceiling.allows("globex:leads:write"));
        assert!(!ceiling.allows(ADMIN));
    }
}
