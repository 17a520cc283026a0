//! The rules of extensions (EXT-*). Unknown namespaces are welcome, without as much as a warning.

use super::findings::Findings;
use super::subscription::is_semver;
use crate::node::Node;
use crate::verdict::Issue;

/// Only the standard's own bodies may write here.
const RESERVED: &str = "lex.core.";
const SHORTEST_NAME: usize = 3;

pub fn check(extensions: &Node<'_>, found: &mut Findings<'_>) {
    if !found.array(extensions) {
        return;
    }
    for extension in extensions.items() {
        if !found.object(&extension) {
            continue;
        }
        let (namespace, producer) = (extension.get("namespace"), extension.get("producer"));
        name(&namespace, "EXT-002", found);
        let version = extension.get("version");
        if found.require_as(&version, "EXT-003") && !version.text().is_some_and(is_semver) {
            found.error(&version, "EXT-003", "not a semantic version such as 1.0.0");
        }
        name(&producer, "EXT-004", found);
        found.time_as(&extension.get("producedAt"), "EXT-005");
        // Any JSON is data, `null` too.
        if extension.object().is_some_and(|members| !members.contains_key("data")) {
            found.require_as(&extension.get("data"), "EXT-006");
        }
        let is_reserved = namespace.text().is_some_and(|text| text.starts_with(RESERVED));
        let is_standard = |text: &str| text.to_ascii_uppercase().starts_with("LEX");
        if is_reserved && !producer.text().is_some_and(is_standard) {
            let message = "namespaces under lex.core are the standard's own";
            let issue = Issue::error(namespace.field(), "EXT-001", message);
            found.add(issue.suggesting("use a namespace of your organisation"));
        }
    }
}

fn name(node: &Node<'_>, code: &str, found: &mut Findings<'_>) {
    let is_name = |text: &str| text.chars().count() >= SHORTEST_NAME;
    if found.require_as(node, code) && !node.text().is_some_and(is_name) {
        found.error(node, code, "a text of at least 3 characters");
    }
}
