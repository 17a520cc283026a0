//! The guides for partners, command by command, against a system of their own: each block is run, in order, and what a
//! guide shows as the answer is compared with the answer.

mod answer;
mod page;

use e2e::system::System;
use page::{Block, Page};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How long the commands of one guide may take, in seconds.
const PATIENCE: &str = "60";
/// What stands before the output of each block.
const MARK: char = '\u{1e}';

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn pages() -> Vec<Page> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join("docs/guides")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| Page::read(file)).collect()
}

/// A folder that looks like the root of the repository after `./dev up`, with the libraries that a reader has installed.
fn folder(page: &Page, system: &System) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guides").join(&page.name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(folder.join(".dev")).unwrap();
    let env = ["LEADWIRE_URL", "LEADWIRE_ADMIN_KEY"].map(|name| format!("{name}={}\n", system.address(name)));
    fs::write(folder.join(".dev/env"), env.concat()).unwrap();
    symlink(programs().parent().unwrap(), folder.join("target")).unwrap();
    symlink(libraries().join("node_modules"), folder.join("node_modules")).unwrap();
    for block in &page.blocks {
        if let Block::File { name, text } = block {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    folder
}

/// The published Standard Webhooks libraries.
fn libraries() -> PathBuf {
    PathBuf::from(testkit::required("LEADWIRE_TEST_VERIFIERS"))
}

/// Where the programs of this build are.
fn programs() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.ancestors().find(|folder| folder.join("leadwire").is_file()).unwrap().to_owned()
}

/// Runs a guide's commands in one shell; what is wrong with it.
fn run(page: &Page, system: &System) -> Vec<String> {
    let folder = folder(page, system);
    let shells: Vec<_> = page.shells().collect();
    let marked =
        |(number, (commands, _)): (usize, &(&str, _))| format!("printf '{MARK}{number}\\n'\n{commands}");
    let blocks: Vec<String> = shells.iter().enumerate().map(marked).collect();
    let script = format!("set -euo pipefail\ntrap 'jobs -p | xargs -r kill' EXIT\n{}", blocks.concat());
    fs::write(folder.join("guide.sh"), script).unwrap();
    let path = format!("{}:{}", libraries().join("python/bin").display(), testkit::required("PATH"));
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", PATIENCE, "bash", "guide.sh"]).current_dir(&folder).env("PATH", path);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = child.spawn().unwrap();
    let group = child.id();
    let output = child.wait_with_output().unwrap();
    // What it has left running.
    Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).stderr(Stdio::null()).status().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let outputs: BTreeMap<usize, &str> = said
        .split(MARK)
        .filter_map(|part| part.split_once('\n'))
        .filter_map(|(number, text)| Some((number.parse().ok()?, text)))
        .collect();
    let mut problems = Vec::new();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let last = outputs.keys().next_back().map_or("", |last| shells[*last].0);
        problems.push(format!("ended with {}: {errors}\nin\n{last}", output.status));
    }
    for (number, (commands, expected)) in shells.iter().enumerate() {
        let Some(actual) = outputs.get(&number) else {
            problems.push(format!("never came to\n{commands}"));
            break;
        };
        let differences = expected.map_or_else(Vec::new, |expected| answer::differences(expected, actual));
        if !differences.is_empty() {
            problems.push(format!("{}\nafter\n{commands}answered\n{actual}", differences.join("\n")));
        }
    }
    problems.into_iter().map(|problem| format!("{}: {problem}", page.name)).collect()
}

#[tokio::test]
async fn every_command_of_every_guide_does_what_the_guide_says() {
    let pages = pages();
    let system = System::start(&[]);
    let only = std::env::var_os("LEADWIRE_GUIDE");
    let problems: Vec<String> = pages
        .iter()
        .filter(|page| only.as_ref().is_none_or(|only| only.as_os_str() == page.name.as_str()))
        .flat_map(|page| run(page, &system))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn no_block_of_a_guide_is_left_out_and_no_link_leads_nowhere() {
    let pages = pages();
    assert!(pages.len() >= 8, "{}", pages.len());
    for page in &pages {
        let commands: String = page.shells().map(|(commands, _)| commands).collect();
        for block in &page.blocks {
            if let Block::File { name, text } = block {
                let program = name.strip_suffix(".rs");
                assert!(commands.contains(program.unwrap_or(name)), "{}: nothing runs {name}", page.name);
                if program.is_some() {
                    let compiled = root().join("crates/e2e/src/bin").join(name);
                    assert_eq!(&fs::read_to_string(&compiled).unwrap(), text, "{}", compiled.display());
                }
            }
        }
        for link in &page.links {
            assert!(root().join("docs/guides").join(link).exists(), "{}: {link}", page.name);
        }
    }
}
