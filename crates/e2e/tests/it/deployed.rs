//! What manifests and pages tell people to start is what the programs take: settings by name and value, commands with
//! their options. Nothing is started for longer than it takes to read them.

use contracts::Service;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// 32 bytes in base64url.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

type Variables = BTreeMap<String, String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &str) -> String {
    let text = fs::read_to_string(root().join(path));
    assert!(text.is_ok(), "{path}: {text:?}");
    text.unwrap()
}

/// A program that was built beside this test.
fn program(name: &str) -> Command {
    let test = env::current_exe().unwrap();
    let found = test.ancestors().map(|folder| folder.join(name)).find(|path| path.is_file());
    assert!(found.is_some(), "{name} is not built");
    let mut command = Command::new(found.unwrap());
    command.env_clear();
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What a secret might be.
fn secret(variable: &str) -> String {
    let value = match variable.rsplit("__").take(2).collect::<Vec<_>>()[..] {
        ["URL", "DATABASE"] => "postgres://role@database/leadwire",
        ["URL", "BROKER"] => "amqp://user@broker/leadwire",
        ["URL", "REDIS"] => "redis://redis",
        ["ENCRYPTION_KEYS" | "SIGNING_KEYS", _] => return format!("1:{KEY}"),
        _ => KEY,
    };
    value.to_owned()
}

fn prefix(service: Service) -> String {
    format!("LEADWIRE_{}__", service.schema().to_uppercase())
}

fn assignments(text: &str) -> impl Iterator<Item = (String, String)> {
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// The environment of a service's pods, secrets made up.
fn of_overlay(overlay: &str, service: Service) -> Variables {
    let mut variables: Variables =
        assignments(&read(&format!("deploy/kubernetes/base/config/{service}.env"))).collect();
    variables
        .extend(assignments(&read(&format!("deploy/kubernetes/overlays/{overlay}/config/{service}.env"))));
    let manifest = read(&format!("deploy/kubernetes/base/{service}.yaml"));
    let secrets = manifest.lines().filter_map(|line| line.trim().strip_prefix("- name: LEADWIRE_"));
    variables.extend(secrets.map(|name| (format!("LEADWIRE_{name}"), secret(name))));
    variables
}

/// The environment of a service's container, what `.env` has made up.
fn of_compose(service: Service) -> Variables {
    let compose = read("docker-compose.yml");
    let (prefix, start) = (prefix(service), format!("\n  {service}:\n"));
    let own = compose.split(start.as_str()).nth(1).unwrap();
    let lines = own.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let pairs = lines.filter_map(|line| line.trim().split_once(": "));
    pairs
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, value)| {
            let value = if value.starts_with("${") { secret(name) } else { without_variables(value) };
            (name.to_owned(), value.trim_matches('"').to_owned())
        })
        .collect()
}

fn without_variables(value: &str) -> String {
    let mut parts = value.split("${");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| done + "x" + part.split_once('}').map_or("", |(_, rest)| rest))
}

#[test]
fn services_start_with_the_settings_that_manifests_and_containers_give_them() {
    let mut wrong = Vec::new();
    for service in Service::ALL {
        let places = [
            ("production", of_overlay("production", service)),
            ("staging", of_overlay("staging", service)),
            ("docker-compose.yml", of_compose(service)),
        ];
        for (place, variables) in places {
            assert!(variables.len() > 5, "{place}: {variables:?}");
            let strangers: Vec<_> =
                variables.keys().filter(|name| !name.starts_with(&prefix(service))).collect();
            let output = program(service.name()).arg("--print-settings").envs(&variables).output().unwrap();
            if !strangers.is_empty() || !output.status.success() {
                wrong.push(format!("{place}, {service}: {strangers:?} {}", said(&output)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_service_of_a_manifest_does_not_start_without_one_of_its_secrets() {
    let mut variables = of_overlay("production", Service::WebhookDispatcher);
    let missing = "LEADWIRE_WEBHOOK_DISPATCHER__SECRETS__ENCRYPTION_KEYS";
    assert!(variables.remove(missing).is_some());
    let output = program("webhook-dispatcher").arg("--print-settings").envs(&variables).output().unwrap();
    assert!(!output.status.success() && said(&output).contains("secrets"), "{}", said(&output));
}

#[test]
fn the_issuer_of_tokens_is_where_clients_reach_the_platform() {
    for overlay in ["production", "staging"] {
        let variables = of_overlay(overlay, Service::Gateway);
        let issuer = &variables["LEADWIRE_GATEWAY__OAUTH__ISSUER"];
        let host = issuer.strip_prefix("https://").unwrap();
        let ingress = read(&format!("deploy/kubernetes/overlays/{overlay}/ingress.yaml"));
        assert!(ingress.contains(&format!("- host: {host}\n")), "{overlay}: {host}");
    }
}

/// Every line of a page that calls `leadwire`, without its comment.
fn commands(page: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap_or_default().trim());
    lines.filter(|line| line.starts_with("leadwire ")).map(str::to_owned).collect()
}

#[test]
fn every_command_of_a_page_is_one_that_leadwire_takes() {
    let mut pages = vec![root().join("docs/operations.md")];
    pages.extend(fs::read_dir(root().join("docs/runbooks")).unwrap().map(|entry| entry.unwrap().path()));
    let mut asked = BTreeSet::new();
    let mut wrong = Vec::new();
    for page in pages {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        for command in commands(&fs::read_to_string(&page).unwrap()) {
            let words: Vec<&str> = command.split_whitespace().skip(1).collect();
            // Read from the left, so everything before the wish for help has to be right.
            let help = program("leadwire").args(&words).arg("--help").output().unwrap();
            if !help.status.success() {
                wrong.push(format!("{name}: {command}: {}", said(&help)));
            }
            asked.insert(words.first().map(|&word| word.to_owned()));
        }
    }
    assert!(asked.len() > 5, "{asked:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
