//! The rules of the header. What is wrong in it is named all at once; then nothing else is looked at.

use super::findings::{Findings, LONGEST_ID, rejecting, shown};
use crate::header::{self, MessageType};
use crate::node::Node;
use crate::ttl::{self, OnExpiry};
use crate::verdict::Issue;
use crate::{Message, code};
use chrono::SecondsFormat;

const ENCRYPTIONS: [&str; 4] = ["NONE", "TLS1.2", "TLS1.3", "END_TO_END"];

/// The type of the message, if its header lets the rest be looked at.
pub fn check(message: &Message, found: &mut Findings<'_>) -> Option<MessageType> {
    let header = Node::root("lex", message.document().get("lex")).get("header");
    if !found.require_critical(&header) {
        return None;
    }
    name(&header.get("messageId"), 1, LONGEST_ID, found);
    message_type(&header.get("messageType"), found);
    version(&header.get("version"), found);
    timestamp(&header.get("timestamp"), found);
    name(&header.get("senderId"), 3, 50, found);
    name(&header.get("receiverId"), 3, 50, found);
    found.one_of(&header.get("encryptionMethod"), &ENCRYPTIONS, code::INVALID_ENUM_VALUE);
    let correlation = header.get("correlationId");
    if correlation.given() {
        found.identifier(&correlation);
    }
    time_to_live(message, &header.get("ttl"), found);
    header::of_type(message).filter(|_| !found.is_critical())
}

/// A required text; whether it is there.
fn required_text(node: &Node<'_>, found: &mut Findings<'_>) -> bool {
    let field = node.field();
    if !node.given() {
        let message = format!("{field} is required");
        found.add(Issue::critical(field, code::REQUIRED_FIELD_MISSING, message));
    } else if node.text().is_none() {
        let issue = Issue::critical(field, code::SCHEMA_VIOLATION, "not of type string");
        found.add(rejecting(issue.with("expectedType", "string"), node));
    }
    node.word().is_some()
}

fn name(node: &Node<'_>, shortest: usize, longest: usize, found: &mut Findings<'_>) {
    if !required_text(node, found) {
        return;
    }
    let text = node.text().unwrap_or_default();
    if !(shortest..=longest).contains(&text.chars().count()) {
        let constraint = format!("{shortest} to {longest} characters");
        let issue = Issue::critical(node.field(), code::SCHEMA_VIOLATION, format!("not of {constraint}"));
        found.add(rejecting(issue, node).with("constraint", constraint));
    } else if text.chars().any(char::is_control) {
        let issue = Issue::critical(node.field(), code::SCHEMA_VIOLATION, "an id has no control characters");
        found.add(rejecting(issue, node));
    }
}

fn message_type(node: &Node<'_>, found: &mut Findings<'_>) {
    if !node.given() {
        required_text(node, found);
    } else if node.text().and_then(MessageType::parse).is_none() {
        let message = format!("{} is no type of message", shown(node));
        let issue = Issue::critical(node.field(), code::INVALID_ENUM_VALUE, message);
        found.add(rejecting(issue, node).with("allowedValues", MessageType::NAMES.to_vec()));
    }
}

fn version(node: &Node<'_>, found: &mut Findings<'_>) {
    if !required_text(node, found) {
        return;
    }
    let mut parts = node.text().unwrap_or_default().split('.');
    let is_first = parts.next() == Some("1");
    let mut minor = parts.peekable();
    let is_known = is_first
        && minor.peek().is_some()
        && minor.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_known {
        let message = format!("version {} is not spoken here", shown(node));
        let issue = Issue::critical(node.field(), code::UNSUPPORTED_VERSION, message);
        found.add(rejecting(issue, node).with("constraint", "1.x").suggesting("send \"1.0\""));
    }
}

fn timestamp(node: &Node<'_>, found: &mut Findings<'_>) {
    if !required_text(node, found) {
        return;
    }
    match node.time() {
        None => {
            let message = "not a date and time with an offset (RFC 3339)";
            let issue = Issue::critical(node.field(), code::INVALID_TIMESTAMP, message);
            found.add(rejecting(issue, node).suggesting("write it as 2026-01-31T09:30:00Z"));
        }
        Some(time) if found.is_future(time) => {
            let message = "more than 60 seconds ahead of the clock of the exchange";
            let issue = Issue::critical(node.field(), code::TIMESTAMP_IN_FUTURE, message);
            let now = found.now().to_rfc3339_opts(SecondsFormat::Secs, true);
            found.add(rejecting(issue, node).with("threshold", "60 seconds").with("serverTime", now));
        }
        Some(_) => {}
    }
}

fn time_to_live(message: &Message, node: &Node<'_>, found: &mut Findings<'_>) {
    if !found.object(node) {
        return;
    }
    found.counted(&node.get("maxAgeSeconds"), code::SCHEMA_VIOLATION);
    found.time(&node.get("expiresAt"));
    found.one_of(&node.get("onExpiry"), &OnExpiry::NAMES, code::INVALID_ENUM_VALUE);
    if let Some(expired) = ttl::expires_at(message).filter(|expires| *expires <= found.now()) {
        let expired = expired.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let text = format!("the message was worth delivering until {expired}");
        let issue = Issue::critical(node.get("expiresAt").field(), code::MESSAGE_TTL_EXPIRED, text);
        let issue = issue.with("rejectedValue", expired).with("onExpiry", ttl::on_expiry(message).as_str());
        found.add(issue.suggesting("send it anew, with a ttl that lies ahead"));
    }
}
