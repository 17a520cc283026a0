//! Who sends a message, and who is to get it.

use contracts::ids::{ClientId, OrganizationId};
use lex::Level;

/// On whose behalf messages are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    pub organization_id: OrganizationId,
    pub client_id: ClientId,
    /// What it is called in messages, its own name first. Empty for an organisation without LEX names.
    pub lex_ids: Vec<String>,
    /// The level that the operator has set, which wins over what it declares.
    pub level: Option<Level>,
}

impl Sender {
    /// Whether a name in a header is this organisation's.
    pub fn is(&self, lex_id: &str) -> bool {
        self.lex_ids.iter().any(|own| own == lex_id)
    }

    /// The name that it goes by when nobody chose another.
    pub fn name(&self) -> Option<&str> {
        self.lex_ids.first().map(String::as_str)
    }

    pub fn party(&self) -> Party {
        Party { organization_id: self.organization_id, lex_ids: self.lex_ids.clone() }
    }
}

/// An organisation that takes part in an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub organization_id: OrganizationId,
    pub lex_ids: Vec<String>,
}

/// Whom a message is addressed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// The exchange: whoever takes part in the message's lead.
    Platform,
    /// Everybody who subscribed to such messages.
    Broadcast,
    Organization(Party),
    /// Nobody has that name yet.
    Unknown,
}

impl Receiver {
    /// The organisation, where it is one.
    pub fn party(&self) -> Option<&Party> {
        match self {
            Self::Organization(party) => Some(party),
            Self::Platform | Self::Broadcast | Self::Unknown => None,
        }
    }

    /// Whether anybody may go on with a lead that is so addressed.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Platform | Self::Broadcast)
    }
}
