//! One OpenAPI 3.1 document per surface.

pub mod crm;
pub mod ingest;
pub mod lex;
pub mod operation;
pub mod partner;
pub mod platform;
pub mod schema;
pub mod usual;

use crate::{additions, facts};
use contracts::Surface;
use serde_json::Value;

/// The document of a surface; what its contract does not have is marked.
pub fn document(surface: Surface) -> anyhow::Result<Value> {
    let document = match surface {
        Surface::Partner => partner::document(),
        Surface::Ingest => ingest::document(),
        Surface::Lex => lex::document()?,
        Surface::Crm => crm::document(),
        Surface::Platform => platform::document(),
    };
    let mut document = document.finish()?;
    additions::mark(&facts::of(surface)?, &mut document)?;
    Ok(document)
}
