//! Events of the control plane: what the gateway's own replicas and the other services must hear of.
//!
//! None of them is public: no webhook subscription gets them.

use crate::event::EventData;
use crate::identity::{LexLevel, LexTier};
use crate::ids::{ClientId, CredentialId, OrganizationId};
use crate::service::Service;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An organisation was made or changed. It carries the whole of what other services may keep of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationChanged {
    pub organization: OrganizationFacts,
}

/// What other services may know of an organisation that is not their caller's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationFacts {
    pub id: OrganizationId,
    pub slug: String,
    pub name: String,
    pub lex_organization_id: Option<String>,
    pub lex_aliases: Vec<String>,
    pub lex_level: Option<LexLevel>,
    pub lex_tier: LexTier,
    /// Where the organisation is told what became of its LEX messages.
    pub lex_notification_webhook: Option<String>,
}

/// An organisation is gone, and with it its clients and their credentials: whoever keeps something of it
/// removes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationDeleted {
    pub organization_id: OrganizationId,
}

/// A client was changed: suspended, resumed, another tier or scopes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientChanged {
    pub organization_id: OrganizationId,
    pub client_id: ClientId,
}

/// A client is gone, and with it its credentials: whoever keeps something of it removes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientDeleted {
    pub organization_id: OrganizationId,
    pub client_id: ClientId,
}

/// A credential was revoked, rotated or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialChanged {
    pub organization_id: OrganizationId,
    pub client_id: ClientId,
    pub credential_id: CredentialId,
}

macro_rules! gateway_events {
    ($($name:ident = $key:literal, $kind:literal;)*) => {$(
        impl EventData for $name {
            const SOURCE: Service = Service::Gateway;
            const ROUTING_KEY: &'static str = $key;
            const TYPE: &'static str = $kind;
        }
    )*};
}

gateway_events! {
    OrganizationChanged = "gateway.organization.changed.v1", "organization.changed";
    OrganizationDeleted = "gateway.organization.deleted.v1", "organization.deleted";
    ClientChanged = "gateway.client.changed.v1", "client.changed";
    ClientDeleted = "gateway.client.deleted.v1", "client.deleted";
    CredentialChanged = "gateway.credential.changed.v1", "credential.changed";
}
