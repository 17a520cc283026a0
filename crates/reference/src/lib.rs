//! Machine-readable descriptions of everything that is published: OpenAPI of the five surfaces, JSON
//! Schemas of events, AsyncAPI of the broker and the webhooks.
//!
//! `cargo run -p reference` writes them below `proto/`; tests hold them against the contracts' facts and against the
//! routes. No service depends on this crate: it says what they do, and their tests hold their answers against it.

pub mod additions;
pub mod asyncapi;
pub mod compare;
pub mod compatibility;
pub mod events;
pub mod facts;
pub mod openapi;

use anyhow::Context;
use contracts::Surface;
use std::collections::BTreeMap;

/// Every generated file: its path below `proto/`, its text.
pub fn files() -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for surface in Surface::ALL {
        let mut text = serde_json::to_string_pretty(&openapi::document(surface)?)?;
        text.push('\n');
        files.insert(format!("openapi/{}.json", surface.name()), text);
    }
    files.extend(events::files()?);
    files.insert(asyncapi::PATH.to_owned(), asyncapi::file()?);
    let ledger =
        compatibility::grown(include_str!("../../../proto/events/released.txt"), &compatibility::current());
    files.insert(compatibility::PATH.to_owned(), ledger.context("proto/events/released.txt")?);
    Ok(files)
}
