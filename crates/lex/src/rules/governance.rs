//! The rules of data governance (DG-*).

use super::findings::Findings;
use crate::node::Node;
use crate::verdict::Issue;

const POLICIES: [&str; 3] = ["OPEN", "RESTRICTED", "LOCKED"];
const SCOPES: [&str; 4] = ["ROUTING_ADVISORY", "PRIORITIZATION_ONLY", "CUSTOMER_FACING", "NONE"];

/// Looks at the block, and at what of the rest it is about.
pub fn check(lex: &Node<'_>, found: &mut Findings<'_>) {
    let block = lex.get("dataGovernance");
    if !found.object(&block) {
        return;
    }
    required(&block, found);
    recipients(lex, &block, found);
    let owner = block.get("dataOwner").text();
    let declared_by = block.get("declaredBy");
    if declared_by.text().is_some() && declared_by.text() != owner {
        found.advise(&declared_by, "DG-008", "declared by another than the owner of the data");
    }
    let ai = block.get("aiGovernance");
    if found.object(&ai) {
        artificial(&ai, found);
    } else if lex.get("payload").get("lead").get("aiInsights").present() {
        found.advise(&ai, "DG-015", "the lead has aiInsights, but nothing governs them");
    }
}

fn required(block: &Node<'_>, found: &mut Findings<'_>) {
    for (name, code) in [("dataOwner", "DG-001"), ("declaredBy", "DG-006")] {
        let text = block.get(name);
        if found.require_as(&text, code) {
            found.text(&text);
        }
    }
    let policy = block.get("forwardingPolicy");
    if found.require_as(&policy, "DG-002") {
        found.one_of(&policy, &POLICIES, "DG-002");
    }
    flag(&block.get("analyticsAllowed"), "DG-003", found);
    flag(&block.get("trainingDataAllowed"), "DG-004", found);
    found.time_as(&block.get("declaredAt"), "DG-005");
}

fn flag(node: &Node<'_>, code: &str, found: &mut Findings<'_>) {
    if found.require_as(node, code) && node.boolean().is_none() {
        found.error(node, code, "neither true nor false");
    }
}

fn recipients(lex: &Node<'_>, block: &Node<'_>, found: &mut Findings<'_>) {
    let allowed = block.get("allowedRecipients");
    for list in [allowed, block.get("blockedRecipients")] {
        // A list that could not be read would let everyone through, or nobody.
        if found.array(&list) {
            for item in list.items() {
                found.text(&item);
            }
        }
    }
    if block.get("forwardingPolicy").text() != Some("RESTRICTED") {
        return;
    }
    let receiver = lex.get("header").get("receiverId");
    if allowed.count() == 0 {
        found.error(&allowed, "DG-007", "restricted data names those who may have it");
    } else if !allowed.items().any(|item| item.text() == receiver.text()) {
        let issue =
            Issue::warning(allowed.field(), "DG-009", "the receiver is none of those who may have the data");
        found.add(issue.suggesting("add the receiver to allowedRecipients, or it will not get the message"));
    }
}

fn artificial(ai: &Node<'_>, found: &mut Findings<'_>) {
    flag(&ai.get("aiGeneratedContentPresent"), "DG-011", found);
    let review = ai.get("humanReviewRequired");
    flag(&review, "DG-012", found);
    let scope = ai.get("aiDecisionScope");
    if found.require_as(&scope, "DG-013") {
        found.one_of(&scope, &SCOPES, "DG-013");
    }
    if scope.text() == Some("CUSTOMER_FACING") && review.boolean() == Some(false) {
        found.error(&review, "DG-014", "what faces customers is reviewed by people");
    }
    found.counted(&ai.get("retentionLimitDays"), "DG-016");
}
