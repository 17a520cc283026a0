//! The rules of an ACKNOWLEDGMENT.

use super::findings::Findings;
use crate::acknowledgment::{MESSAGE_STATUSES, original};
use crate::node::Node;
use crate::{Message, code};

pub fn check(message: &Message, body: &Node<'_>, found: &mut Findings<'_>) {
    found.identifier(&body.get("acknowledgmentId"));
    let status = body.get("status");
    if found.require(&status) {
        found.one_of(&status, &MESSAGE_STATUSES, code::INVALID_ENUM_VALUE);
    }
    for name in ["originalMessageId", "correlationId"] {
        found.text(&body.get(name));
    }
    if original(message).is_none() {
        found.require(&body.get("correlationId"));
    }
    let time = body.get("timestamp");
    if found.require(&time) {
        found.time(&time);
    }
}
