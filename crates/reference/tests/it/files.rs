//! What is committed is what the code gives.

use std::fs;
use std::path::Path;

#[test]
fn the_committed_files_are_what_the_code_gives() {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let mut stale = Vec::new();
    for (name, text) in reference::files().unwrap() {
        if fs::read_to_string(proto.join(&name)).unwrap_or_default() != text {
            stale.push(format!("proto/{name}"));
        }
    }
    assert!(stale.is_empty(), "run `cargo run -p reference`: {stale:#?}");
}
