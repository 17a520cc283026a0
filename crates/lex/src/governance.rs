//! Whom a message's `dataGovernance` lets have it (LEX reference §1.2).

use crate::message::Message;
use serde_json::{Map, Value};

/// Whether an organisation, known by these LEX ids, may have the message, which is addressed to `receiver`.
///
/// `blockedRecipients` always wins. `RESTRICTED` is for `allowedRecipients` alone, `LOCKED` for the receiver alone;
/// a declaration whose policy is missing or unknown is taken for the strictest. The sender is no exception.
pub fn may_have(message: &Message, lex_ids: &[String], receiver: &str) -> bool {
    let declared = message.lex().and_then(|lex| lex.get("dataGovernance"));
    let governance = match declared {
        None | Some(Value::Null) => return true,
        Some(Value::Object(governance)) => governance,
        Some(_) => return lex_ids.iter().any(|id| id == receiver),
    };
    if lists(governance, "blockedRecipients", lex_ids) {
        return false;
    }
    match governance.get("forwardingPolicy").and_then(Value::as_str) {
        Some("OPEN") => true,
        Some("RESTRICTED") => lists(governance, "allowedRecipients", lex_ids),
        _ => lex_ids.iter().any(|id| id == receiver),
    }
}

fn lists(governance: &Map<String, Value>, member: &str, lex_ids: &[String]) -> bool {
    let listed = governance.get(member).and_then(Value::as_array);
    listed.is_some_and(|listed| {
        listed.iter().filter_map(Value::as_str).any(|one| lex_ids.iter().any(|id| id == one))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn may(governance: &Value, ids: &[&str]) -> bool {
        let message = Message::new(json!({"lex": {"dataGovernance": governance}})).unwrap();
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        may_have(&message, &ids, "DEALER-1")
    }

    #[test]
    fn without_a_declaration_anyone_may() {
        assert!(may(&Value::Null, &["OTHER-1"]));
        assert!(may(&json!({"forwardingPolicy": "OPEN"}), &["OTHER-1"]));
    }

    #[test]
    fn restricted_is_for_those_who_are_listed() {
        let governance = json!({"forwardingPolicy": "RESTRICTED", "allowedRecipients": ["DMS-9", "OEM-2"]});
        assert!(may(&governance, &["DMS-1", "DMS-9"]));
        assert!(!may(&governance, &["DEALER-1"]));
        assert!(!may(&json!({"forwardingPolicy": "RESTRICTED"}), &["DEALER-1"]));
        assert!(!may(&governance, &[]));
    }

    #[test]
    fn locked_is_for_the_receiver() {
        let governance = json!({"forwardingPolicy": "LOCKED", "allowedRecipients": ["OEM-2"]});
        assert!(may(&governance, &["DEALER-1"]));
        assert!(!may(&governance, &["OEM-2"]));
    }

    #[test]
    fn a_block_wins_over_everything() {
        for policy in ["OPEN", "RESTRICTED", "LOCKED"] {
            let governance = json!({
                "forwardingPolicy": policy, "allowedRecipients": ["DEALER-1"], "blockedRecipients": ["DEALER-1"]
            });
            assert!(!may(&governance, &["DEALER-1", "ALIAS-1"]), "{policy}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_taken_for_locked() {
        for governance in [json!({}), json!({"forwardingPolicy": "open"}), json!("OPEN"), json!([])] {
            assert!(may(&governance, &["DEALER-1"]));
            assert!(!may(&governance, &["OTHER-1"]));
        }
    }
}
