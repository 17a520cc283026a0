//! The rules of ARCHITECTURE.md that can be read off the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const LONGEST_FILE: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every Rust file of crates and services, by its path from the root.
pub fn sources() -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![root().join("crates"), root().join("services")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                sources.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    sources
}

fn shipped(path: &str) -> bool {
    path.contains("/src/") && !path.starts_with("crates/testkit/") && !path.starts_with("crates/e2e/")
}

/// The workspace members that a member's shipped code depends on.
fn dependencies(manifest: &Path) -> Vec<String> {
    let text = fs::read_to_string(manifest).unwrap();
    text.lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// How high a member stands; it may depend on lower ones alone. Pure crates stand beside, at the bottom.
fn level(name: &str) -> Option<u8> {
    Some(match name {
        "contracts" | "signing" | "lex" => 0,
        "platform" => 1,
        "platform-http" | "platform-pg" | "platform-broker" => 2,
        "dialects" | "console" => 3,
        "gateway" | "lead-intake" | "ingest" | "lex-router" | "crm-resources" | "webhook-dispatcher"
        | "cli" => 4,
        "testkit" | "reference" => 5,
        "e2e" => 6,
        _ => return None,
    })
}

#[test]
fn arrows_run_one_way() {
    let mut wrong = Vec::new();
    for group in ["crates", "services"] {
        for entry in fs::read_dir(root().join(group)).unwrap() {
            let folder = entry.unwrap().path();
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            let Some(own) = level(&name) else {
                wrong.push(format!("{name} has no level in this test"));
                continue;
            };
            for dependency in dependencies(&folder.join("Cargo.toml")) {
                if level(&dependency).is_some_and(|other| other >= own) {
                    wrong.push(format!("{name} depends on {dependency}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn everything_is_in_its_place() {
    // What a library's name may stand in, beside the crates that own it.
    let places: [(&str, &[&str]); 4] = [
        ("lapin::", &["crates/platform-broker/"]),
        (
            "actix_web::",
            &["crates/platform-http/", "crates/dialects/", "/src/http/", "/src/http.rs", "/src/app.rs"],
        ),
        ("reqwest::", &["crates/platform-http/", "/src/clients/", "/src/delivery/"]),
        ("sqlx::query", &["crates/platform-pg/", "crates/cli/", "/src/store/", "/src/store.rs"]),
    ];
    let mut wrong = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| shipped(path)) {
        for (library, allowed) in places {
            if text.contains(library) && !allowed.iter().any(|place| path.contains(place)) {
                wrong.push(format!("{path} names {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_says_what_it_is_and_stays_short() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if !text.starts_with("//!") {
            wrong.push(format!("{path} does not begin with //!"));
        }
        if path.ends_with("/mod.rs") {
            wrong.push(format!("{path}: a module's file stands beside its folder"));
        }
        if text.lines().count() > LONGEST_FILE {
            wrong.push(format!("{path} has more than {LONGEST_FILE} lines"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_service_has_the_same_rooms() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(root().join("services")).unwrap() {
        let folder = entry.unwrap().path();
        for file in
            ["README.md", "src/main.rs", "src/lib.rs", "src/app.rs", "src/settings.rs", "tests/it/main.rs"]
        {
            if !folder.join(file).is_file() {
                wrong.push(format!("{} has no {file}", folder.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
