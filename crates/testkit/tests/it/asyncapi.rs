//! `proto/asyncapi.yaml` is what others' tools take it for.

use std::fs;
use std::path::Path;
use testkit::verifiers::asyncapi;

#[test]
fn asyncapis_own_parser_reads_the_document_and_would_find_a_broken_reference() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/asyncapi.yaml");
    let problems = asyncapi(&document);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let broken = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken.yaml");
    let reference = r##"{"$ref": "#/channels/nowhere"}"##;
    let text = format!(
        r#"{{"asyncapi": "3.0.0", "info": {{"title": "t", "version": "1"}},
            "operations": {{"o": {{"action": "send", "channel": {reference}}}}}}}"#
    );
    fs::write(&broken, text).unwrap();
    assert_ne!(asyncapi(&broken), [""; 0]);
}
