//! The rule that nobody grants what they do not hold, and no credential gets what its client lacks.

use crate::domain::access::Reach;
use crate::domain::client::Client;
use crate::domain::scopes::{self, Ceiling};
use crate::store::clients;
use contracts::identity::Principal;
use platform_pg::StoreError;
use sqlx::PgConnection;

/// A scope that may not be given.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    #[error("the client may not hold scope {0}")]
    AboveCeiling(String),
    #[error("you cannot grant scope {0}, because you do not hold it")]
    NotHeld(String),
    #[error("only a platform administrator may set {0}")]
    AdminOnly(&'static str),
}

/// What a caller may give away.
#[derive(Debug)]
pub struct Grants<'c> {
    caller: &'c Principal,
    /// The caller's own client; `None` when it was deleted a moment ago.
    client: Option<Client>,
}

impl<'c> Grants<'c> {
    pub async fn of(connection: &mut PgConnection, caller: &'c Principal) -> Result<Self, StoreError> {
        let reach = Reach::Own(caller.organization.id);
        Ok(Self { caller, client: clients::find(connection, reach, caller.client_id).await? })
    }

    /// Whether every scope lies below the receiver's ceiling and is the caller's to give.
    pub fn check(&self, scopes: &[String], receiver: Ceiling<'_>) -> Result<(), GrantError> {
        for scope in scopes {
            if !receiver.allows(scope) {
                return Err(GrantError::AboveCeiling(scope.clone()));
            }
            if !self.holds(scope) {
                return Err(GrantError::NotHeld(scope.clone()));
            }
        }
        Ok(())
    }

    /// The scopes of a list that may be given to the receiver.
    pub fn grantable(&self, scopes: Vec<String>, receiver: Ceiling<'_>) -> Vec<String> {
        scopes.into_iter().filter(|scope| receiver.allows(scope) && self.holds(scope)).collect()
    }

    /// Whether an administrator's field may be set.
    pub fn check_admin(&self, field: &'static str) -> Result<(), GrantError> {
        if scopes::is_admin(self.caller) { Ok(()) } else { Err(GrantError::AdminOnly(field)) }
    }

    /// The ceiling that a client made by this caller inherits: an administrator's gets none.
    pub fn own_ceiling(&self) -> Option<&[String]> {
        if scopes::is_admin(self.caller) {
            return None;
        }
        // A caller whose client is gone has nothing to pass on.
        self.client.as_ref().map_or(Some(&[]), |client| client.scopes.as_deref())
    }

    fn holds(&self, scope: &str) -> bool {
        let own = Ceiling { organization_slug: &self.caller.organization.slug, scopes: self.own_ceiling() };
        scopes::may_grant(self.caller, own, scope)
    }
}

/// The ceiling of a client's credentials.
pub fn ceiling(client: &Client) -> Ceiling<'_> {
    Ceiling { organization_slug: &client.organization_slug, scopes: client.scopes.as_deref() }
}
