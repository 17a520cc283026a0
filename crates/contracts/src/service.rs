//! The six services and the names that are derived from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A deployable service of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    Gateway,
    LeadIntake,
    Ingest,
    LexRouter,
    CrmResources,
    WebhookDispatcher,
}

impl Service {
    /// Every service, in the order of their ports.
    pub const ALL: [Self; 6] = [
        Self::Gateway,
        Self::LeadIntake,
        Self::Ingest,
        Self::LexRouter,
        Self::CrmResources,
        Self::WebhookDispatcher,
    ];

    /// The name of its binary, its queues' prefix and its `app_id`: `lead-intake`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::LeadIntake => "lead-intake",
            Self::Ingest => "ingest",
            Self::LexRouter => "lex-router",
            Self::CrmResources => "crm-resources",
            Self::WebhookDispatcher => "webhook-dispatcher",
        }
    }

    /// The PostgreSQL schema that it owns: `lead_intake`.
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::LeadIntake => "lead_intake",
            Self::Ingest => "ingest",
            Self::LexRouter => "lex_router",
            Self::CrmResources => "crm_resources",
            Self::WebhookDispatcher => "webhook_dispatcher",
        }
    }

    /// The PostgreSQL role that owns the schema and that the service logs in with.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Gateway => "leadwire_gateway",
            Self::LeadIntake => "leadwire_lead_intake",
            Self::Ingest => "leadwire_ingest",
            Self::LexRouter => "leadwire_lex_router",
            Self::CrmResources => "leadwire_crm_resources",
            Self::WebhookDispatcher => "leadwire_webhook_dispatcher",
        }
    }

    /// The `source` of its CloudEvents: `/leadwire/lead-intake`.
    pub fn event_source(self) -> String {
        format!("/leadwire/{}", self.name())
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
