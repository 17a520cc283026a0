//! The published Standard Webhooks libraries of two other languages, as programs that say which deliveries they accept,
//! and AsyncAPI's own parser. `./dev test` installs them.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A delivery as a receiver has it, and the secret that the receiver knows.
#[derive(Clone, Debug)]
pub struct Signed {
    pub secret: String,
    /// The secret is not `whsec_` and base64, but stands for its own bytes.
    pub raw: bool,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// What each library says of each delivery, by the library's language.
///
/// # Panics
/// When a library is missing or cannot say.
pub fn verdicts(deliveries: &[Signed]) -> BTreeMap<&'static str, Vec<bool>> {
    let installed = crate::required("LEADWIRE_TEST_VERIFIERS");
    let python = format!("{installed}/python/bin/python");
    let questions: Vec<Value> = deliveries
        .iter()
        .map(|one| json!({"secret": one.secret, "raw": one.raw, "headers": one.headers, "body": one.body}))
        .collect();
    let questions = Value::Array(questions).to_string();
    let node = asked("node", "verify.cjs", &installed, &questions);
    BTreeMap::from([("JavaScript", node), ("Python", asked(&python, "verify.py", &installed, &questions))])
}

/// What AsyncAPI's parser finds wrong with a document, and with the files that it refers to.
///
/// # Panics
/// When the parser is missing.
pub fn asyncapi(document: &Path) -> Vec<String> {
    let installed = crate::required("LEADWIRE_TEST_VERIFIERS");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verifiers/asyncapi.cjs");
    let output = Command::new("node").arg(script).arg(installed).arg(document).output();
    let output = output.unwrap_or_else(|error| panic!("node does not start ({error}): {ADVICE}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the parser fails ({said}): {ADVICE}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn asked(program: &str, script: &str, installed: &str, questions: &str) -> Vec<bool> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verifiers").join(script);
    let mut child = Command::new(program)
        .arg(script)
        .arg(installed)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}): {ADVICE}"));
    child.stdin.take().unwrap().write_all(questions.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} fails ({said}): {ADVICE}");
    serde_json::from_slice(&output.stdout).unwrap()
}

const ADVICE: &str = "install Node.js with npm, and Python 3 with venv (on Debian and Ubuntu: nodejs, npm and \
                      python3-venv), and run ./dev test, which brings the libraries";
