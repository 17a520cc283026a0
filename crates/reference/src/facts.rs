//! The facts of the published contracts: what a partner may rely on, without a word of prose.

use contracts::Surface;
use serde_json::Value;

/// The facts of a surface's contract, in the shape of OpenAPI 3.0.
pub fn of(surface: Surface) -> anyhow::Result<Value> {
    let text = match surface {
        Surface::Partner => include_str!("../../../proto/contract-facts/partner.yaml"),
        Surface::Ingest => include_str!("../../../proto/contract-facts/ingest.yaml"),
        Surface::Lex => include_str!("../../../proto/contract-facts/lex.yaml"),
        Surface::Crm => include_str!("../../../proto/contract-facts/crm.yaml"),
        Surface::Platform => include_str!("../../../proto/contract-facts/platform.yaml"),
    };
    Ok(serde_saphyr::from_str(text)?)
}
