//! The OpenAPI documents, held against a running system with generated requests: the short form of `./dev contract-test`.

use e2e::system::System;
use std::path::Path;
use std::process::Command;

/// The runner sends an address of its own with each request, so that those without a credential do not wait for windows.
const SETTINGS: &[(&str, &str)] = &[("LEADWIRE_GATEWAY__PROXIES__TRUSTED", "127.0.0.0/8")];
/// Of each operation, beside what its schema's limits and alternatives ask for.
const EXAMPLES: &str = "10";

#[test]
fn every_operation_of_every_surface_does_what_its_document_says() {
    let python = Path::new(&testkit::required("LEADWIRE_TEST_SCHEMATHESIS")).join("bin/python");
    assert!(python.is_file(), "{} is missing: run ./dev test, which brings it", python.display());
    let system = System::start(SETTINGS);
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract/run.py");
    let output = Command::new(python)
        .arg(runner)
        .args(["--examples", EXAMPLES])
        .env("LEADWIRE_URL", system.address("LEADWIRE_URL"))
        .env("LEADWIRE_ADMIN_KEY", system.address("LEADWIRE_ADMIN_KEY"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}
