//! The five public surfaces: each has its own contract, credential and error envelope.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A published API of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Surface {
    /// Service-JWT lead intake, `/api/v1/partners/**`.
    Partner,
    /// Event batches and snapshots, `/api/v1/ingest/**`.
    Ingest,
    /// The Lead Exchange Standard, `/v1/**`.
    Lex,
    /// Products, customers, leads and automations.
    Crm,
    /// Clients, keys, webhooks, usage; everything else below `/api/v1/`.
    Platform,
}

impl Surface {
    pub const ALL: [Self; 5] = [Self::Partner, Self::Ingest, Self::Lex, Self::Crm, Self::Platform];

    /// The label of metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Ingest => "ingest",
            Self::Lex => "lex",
            Self::Crm => "crm",
            Self::Platform => "platform",
        }
    }

    /// The surface whose dialect answers for a path, whether or not a route matches it.
    ///
    /// Longest prefix first; what no surface claims speaks platform.
    pub fn of_path(path: &str) -> Self {
        const PREFIXES: [(&str, Surface); 9] = [
            ("/api/v1/partners", Surface::Partner),
            ("/api/v1/healthz", Surface::Partner),
            ("/.well-known/jwks.json", Surface::Partner),
            ("/api/v1/ingest", Surface::Ingest),
            ("/api/v1/products", Surface::Crm),
            ("/api/v1/customers", Surface::Crm),
            ("/api/v1/leads", Surface::Crm),
            ("/api/v1/automations", Surface::Crm),
            ("/v1", Surface::Lex),
        ];
        PREFIXES
            .iter()
            .find(|(prefix, _)| {
                path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
            .map_or(Self::Platform, |&(_, surface)| surface)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_surface_of_its_whole_segment() {
        assert_eq!(Surface::of_path("/api/v1/partners/acme/leads"), Surface::Partner);
        assert_eq!(Surface::of_path("/api/v1/partnership"), Surface::Platform);
        assert_eq!(Surface::of_path("/api/v1/leads"), Surface::Crm);
        assert_eq!(Surface::of_path("/v1/anything/at/all"), Surface::Lex);
        assert_eq!(Surface::of_path("/v10"), Surface::Platform);
        assert_eq!(Surface::of_path("/"), Surface::Platform);
    }
}
