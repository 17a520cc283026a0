//! What is deployed speaks of what there is: figures, queues, secrets, ports, runbooks. What only a tool can judge
//! (schemas, expressions) is checked by `deploy/check.sh`, and settings by a test of crate `e2e`, which starts the
//! services.

use contracts::{Service, topology};
use platform::figures::{Figure, Kind, TABLE};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What background tasks may take after the last request, and parting from the servers some more.
const TASKS_AND_PARTING: u64 = 20;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &str) -> String {
    let text = fs::read_to_string(root().join(path));
    assert!(text.is_ok(), "{path}: {text:?}");
    text.unwrap()
}

/// The files of a folder with their text, by name.
pub fn files(folder: &str, extension: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.file_name().unwrap().to_string_lossy().into_owned(), text)
        })
        .collect()
}

/// The words of a text that begin in a certain way, as names of figures are made.
fn words<'t>(text: &'t str, beginning: &str) -> BTreeSet<&'t str> {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'))
        .filter(|word| word.starts_with(beginning))
        .collect()
}

/// What stands behind a key of YAML, wherever it is.
fn values<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    let key = format!("{key}: ");
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches("- "));
    lines.filter_map(|line| line.strip_prefix(key.as_str())).map(str::trim).collect()
}

/// The expressions of all dashboards, one text.
fn dashboards() -> String {
    let mut text = String::new();
    for (name, dashboard) in files("deploy/grafana/dashboards", "json") {
        let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
        assert_eq!(format!("{}.json", dashboard["uid"].as_str().unwrap()), name);
        let panels = dashboard["panels"].as_array().unwrap().iter();
        let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
        for expression in targets.chain(dashboard["annotations"]["list"].as_array().unwrap()) {
            text.push_str(expression["expr"].as_str().unwrap());
            text.push('\n');
        }
    }
    text
}

/// Where a text of PromQL names one of our figures, with what stands between the braces behind it.
fn selectors(text: &str) -> Vec<(&str, &str)> {
    let names = text.match_indices("leadwire_").map(|(at, _)| &text[at..]);
    names
        .map(|rest| {
            let end = rest.find(|letter: char| !(letter.is_ascii_lowercase() || letter == '_')).unwrap();
            let (name, rest) = rest.split_at(end);
            (name, rest.strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or_default())
        })
        .collect()
}

/// The figure that a name of PromQL speaks of.
fn figure(name: &str) -> Option<&'static Figure> {
    TABLE.iter().find(|figure| {
        let rest = name.strip_prefix(figure.name);
        rest == Some("")
            || figure.kind == Kind::Histogram && matches!(rest, Some("_bucket" | "_count" | "_sum"))
    })
}

fn has_label(figure: &Figure, label: &str) -> bool {
    ["namespace", "job", "instance", "le"].contains(&label)
        || figure.labels.iter().any(|(known, _)| *known == label)
}

/// What is wrong with a matcher such as `result="dead_letter"`.
fn problem(figure: &Figure, matcher: &str) -> Option<String> {
    let (label, value) = matcher.split_once('=')?;
    let label = label.trim().trim_end_matches('!');
    if !has_label(figure, label) {
        return Some(format!("{} has no label {label}", figure.name));
    }
    // A pattern says nothing of single values.
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    let shown =
        figure.services.iter().any(|service| match figure.labels.iter().find(|(known, _)| *known == label) {
            Some((_, values)) => values.admit(*service, value),
            None => label != "job" || service.name() == value,
        });
    (!shown).then(|| format!("{} never has {label} {value}", figure.name))
}

#[test]
fn every_figure_that_a_rule_a_scaler_or_a_dashboard_names_exists_with_its_labels() {
    let recorded = read("deploy/prometheus/broker-metrics.txt");
    let brokers = words(&recorded, "rabbitmq_");
    let rules = files("deploy/prometheus/rules", "yml");
    let made: BTreeSet<&str> = rules.values().flat_map(|text| values(text, "record")).collect();
    let manifests = files("deploy/kubernetes/base", "yaml");
    let users = rules.values().chain(manifests.values()).cloned();
    let text = users.chain([dashboards()]).collect::<Vec<_>>().join("\n");

    let mut wrong = BTreeSet::new();
    for (name, matchers) in selectors(&text) {
        match figure(name) {
            None => wrong.extend([format!("nobody shows {name}")]),
            Some(figure) => wrong.extend(matchers.split(',').filter_map(|matcher| problem(figure, matcher))),
        }
    }
    for grouped in text.split("by (").skip(1) {
        let (labels, about) = grouped.split_once(')').unwrap();
        let about = selectors(about.lines().next().unwrap_or_default());
        let Some(figure) = about.first().and_then(|(name, _)| figure(name)) else { continue };
        let unknown = labels.split(',').map(str::trim).filter(|label| !has_label(figure, label));
        wrong.extend(unknown.map(|label| format!("{} is grouped by {label}", figure.name)));
    }
    wrong.extend(words(&text, "leadwire:").difference(&made).map(|name| format!("nobody records {name}")));
    wrong.extend(words(&text, "rabbitmq_").difference(&brokers).map(|name| format!("nobody shows {name}")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_alert_says_how_urgent_it_is_and_has_a_case_and_a_runbook() {
    let rules = read("deploy/prometheus/rules/alerts.yml");
    let cases = read("deploy/prometheus/tests/alerts.yml");
    let cases: BTreeSet<&str> = values(&cases, "alertname").into_iter().collect();
    let mut wanted = BTreeSet::new();
    let mut wrong = Vec::new();
    for alert in rules.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap().trim();
        let severity = values(alert, "labels");
        if !matches!(severity[..], ["{ severity: page }" | "{ severity: ticket }"]) {
            wrong.push(format!("{name}: severity {severity:?}"));
        }
        for key in ["expr", "for", "summary"] {
            if values(alert, key).len() != 1 {
                wrong.push(format!("{name} has no {key}"));
            }
        }
        if !cases.contains(name) {
            wrong.push(format!("{name} has no case in deploy/prometheus/tests"));
        }
        match values(alert, "runbook")[..] {
            [runbook] => wanted.extend(runbook.strip_prefix("docs/runbooks/").map(str::to_owned)),
            ref found => wrong.push(format!("{name}: runbook {found:?}")),
        }
    }
    let mut there: BTreeSet<String> = files("docs/runbooks", "md").into_keys().collect();
    assert!(there.remove("README.md"));
    wrong.extend(wanted.difference(&there).map(|page| format!("there is no docs/runbooks/{page}")));
    wrong.extend(there.difference(&wanted).map(|page| format!("no alert leads to docs/runbooks/{page}")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_a_runbook_looks_for_in_the_log_is_said_by_the_programs() {
    let sources = crate::architecture::sources();
    let shipped: Vec<&String> = sources.values().collect();
    let mut wrong = Vec::new();
    for (page, text) in files("docs/runbooks", "md") {
        for phrase in text.split("grep '").skip(1).filter_map(|rest| rest.split('\'').next()) {
            if !shipped.iter().any(|source| source.contains(phrase)) {
                wrong.push(format!("{page}: no program logs '{phrase}'"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn scalers_watch_queues_that_there_are_and_each_service_has_one_scaler() {
    for service in Service::ALL {
        let manifest = read(&format!("deploy/kubernetes/base/{service}.yaml"));
        for queue in values(&manifest, "queueName") {
            let owner =
                topology::WORK_QUEUES.iter().find(|known| known.name == queue).map(|known| known.owner);
            assert_eq!(owner, Some(service), "{queue}");
        }
        // KEDA takes texts alone, which only its own admission would tell.
        for key in ["threshold", "value"] {
            assert!(values(&manifest, key).iter().all(|value| value.starts_with('"')), "{service}: {key}");
        }
        let scalers = values(&manifest, "kind")
            .into_iter()
            .filter(|kind| ["HorizontalPodAutoscaler", "ScaledObject"].contains(kind));
        assert_eq!(scalers.count(), 1, "{service}");
        for kind in ["Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"] {
            assert!(values(&manifest, "kind").contains(&kind), "{service} has no {kind}");
        }
    }
}

#[test]
fn a_pod_is_given_the_time_that_its_service_takes_to_drain_and_has_the_ports_it_binds() {
    for service in Service::ALL {
        let manifest = read(&format!("deploy/kubernetes/base/{service}.yaml"));
        let settings = read(&format!("deploy/kubernetes/base/config/{service}.env"));
        let setting = |key: &str| {
            let lines = settings.lines().filter_map(|line| line.split_once('='));
            let found = lines.filter(|(name, _)| name.ends_with(key)).map(|(_, value)| value).next();
            found.unwrap_or_else(|| panic!("{service} has no {key}")).to_owned()
        };
        let seconds = |key: &str| setting(key).strip_suffix('s').unwrap().parse::<u64>().unwrap();
        let needed = seconds("HTTP__DRAIN_DELAY") + seconds("HTTP__SHUTDOWN_TIMEOUT") + TASKS_AND_PARTING;
        let given: u64 = values(&manifest, "terminationGracePeriodSeconds")[0].parse().unwrap();
        assert!(given >= needed, "{service} has {given} s to end and takes up to {needed} s");

        let port = |key: &str| setting(key).strip_prefix("0.0.0.0:").unwrap().to_owned();
        let (http, ops) = (port("HTTP__BIND"), port("HTTP__OPS_BIND"));
        for part in [
            format!("{{ name: http, containerPort: {http} }}"),
            format!("{{ name: ops, containerPort: {ops} }}"),
            format!("{{ name: http, port: {http}, targetPort: http }}"),
            format!("prometheus.io/port: \"{ops}\""),
        ] {
            assert!(manifest.contains(&part), "{service} has no {part}");
        }
    }
}

#[test]
fn the_secrets_that_manifests_refer_to_are_those_that_the_script_makes() {
    let folder = std::env::temp_dir().join(format!("leadwire-secrets-{}", testkit::unique_id().simple()));
    let made = Command::new(root().join("deploy/kubernetes/secrets.sh"))
        .arg(&folder)
        .args(["pg:5432/leadwire", "rabbitmq", "redis://redis:6379", "postgres://owner@pg/leadwire"])
        .output()
        .unwrap();
    let secrets = fs::read_to_string(folder.join("secrets.yaml"));
    fs::remove_dir_all(&folder).unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let secrets = secrets.unwrap();
    let mut there = BTreeSet::new();
    for secret in secrets.split("---").skip(1) {
        let name = values(secret, "name")[0].to_owned();
        let keys =
            secret.split("stringData:").nth(1).unwrap().lines().filter_map(|line| line.split_once(": "));
        there.extend(keys.map(|(key, _)| (name.clone(), key.trim().to_owned())));
    }
    // The one that is not ours to make.
    there.insert(("lead-intake".to_owned(), "hubspot-token".to_owned()));

    let mut wanted = BTreeSet::new();
    let manifests = files("deploy/kubernetes/base", "yaml").into_values();
    for manifest in manifests.chain(files("deploy/kubernetes/setup", "yaml").into_values()) {
        for reference in
            manifest.lines().filter(|line| line.contains("secretKeyRef") || line.contains("parameter:"))
        {
            let of = |key: &str| {
                let rest = reference.split(key).nth(1).unwrap();
                rest.split([',', ' ', '}']).next().unwrap().to_owned()
            };
            wanted.insert((of(" name: "), of(" key: ")));
        }
    }
    assert_eq!(wanted, there);
}
