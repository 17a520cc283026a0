//! What the crate promises as a whole: the forms of a message, the schemas, and that no bytes make it panic.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where its surroundings fail")]

mod generate;
mod rules;
mod schemas;
mod xml;
mod xml_properties;

/// A fixture of this crate.
fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
