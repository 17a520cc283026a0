//! The console in a real browser: one system, and a script for each area of it in `browser/`, which does what people
//! come for and looks at every page in both themes, on a phone, and by the rules of accessibility.

use e2e::system::System;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the scripts share.
const COMMON: &str = "common";

#[tokio::test]
async fn every_area_of_the_console_does_its_task_in_a_browser_and_keeps_the_rules_of_accessibility() {
    let system = System::start(&[("LEADWIRE_GATEWAY__CONSOLE__SIGN_INS_PER_MINUTE", "1000")]);
    let given = json!({
        "url": system.address("LEADWIRE_URL"),
        "adminKey": system.address("LEADWIRE_ADMIN_KEY"),
        "rabbitmq": system.address("RABBITMQ_MANAGEMENT_URL"),
    });
    let areas = areas();
    assert!(!areas.is_empty());
    let seen = tokio::task::spawn_blocking(move || areas.iter().map(|area| browse(area, &given)).collect());
    let seen: Vec<Value> = seen.await.unwrap();
    let is_fine = |seen: &&Value| seen["problems"] == json!([]) && seen["violations"] == json!([]);
    let (fine, bad): (Vec<_>, Vec<_>) = seen.iter().partition(is_fine);
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(
        fine.iter().all(|area| area["steps"].as_array().is_some_and(|steps| !steps.is_empty())),
        "{seen:#?}"
    );
}

/// The script of each area; `LEADWIRE_CONSOLE_AREA` names one alone.
fn areas() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let wanted = testkit::optional("LEADWIRE_CONSOLE_AREA");
    let files = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let is_wanted = |file: &PathBuf| {
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        name != COMMON && wanted.as_deref().is_none_or(|wanted| wanted == name)
    };
    let mut areas: Vec<_> = files.filter(is_wanted).collect();
    areas.sort();
    areas
}

/// What the browser saw. `LEADWIRE_PICTURES` names a folder for pictures of every page.
fn browse(script: &Path, given: &Value) -> Value {
    const ADVICE: &str = "install Node.js with npm and Chromium (on Debian and Ubuntu: nodejs, npm and chromium), and run \
                          ./dev test, which brings the libraries";
    let mut child = Command::new("node")
        .arg(script)
        .arg(testkit::required("LEADWIRE_TEST_VERIFIERS"))
        .args(testkit::optional("LEADWIRE_PICTURES"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("node does not start ({error}): {ADVICE}"));
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{} fails ({said}): {ADVICE}", script.display()))
}
