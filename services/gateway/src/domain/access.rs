//! How far a caller of the control plane sees.

use super::scopes;
use contracts::identity::Principal;
use contracts::ids::OrganizationId;

/// Whose things exist for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// With `platform:admin`.
    Everyone,
    Own(OrganizationId),
}

impl Reach {
    pub fn of(principal: &Principal) -> Self {
        if scopes::is_admin(principal) { Self::Everyone } else { Self::Own(principal.organization.id) }
    }

    /// The one organisation, or `None` for all.
    pub const fn organization(self) -> Option<OrganizationId> {
        match self {
            Self::Everyone => None,
            Self::Own(id) => Some(id),
        }
    }

    pub fn includes(self, organization: OrganizationId) -> bool {
        self.organization().is_none_or(|own| own == organization)
    }
}
