//! Identifiers, each a type of its own so that none is passed for another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn new(id: Uuid) -> Self { Self(id) }
            pub const fn as_uuid(self) -> Uuid { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { text.parse().map(Self) }
        }
    )*};
}

uuid_ids! {
    /// The tenant.
    OrganizationId;
    /// An API client of an organisation; it owns credentials.
    ClientId;
    /// A credential of any kind.
    CredentialId;
    /// A lead of the partner surface.
    LeadId;
    /// The id that a partner gives a lead; its idempotency key.
    CorrelationId;
    /// An event: UUID version 7, the `message_id` on the broker.
    EventId;
    /// A worker of an organisation: whom ingested events are about.
    WorkerId;
    /// A webhook subscription of any family.
    SubscriptionId;
}
