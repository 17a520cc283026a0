//! The rules of a LEAD_CLOSURE.

use super::findings::{Findings, rejecting};
use crate::closure::ClosureStatus;
use crate::code;
use crate::node::Node;
use crate::verdict::Issue;

pub fn check(closure: &Node<'_>, found: &mut Findings<'_>) {
    found.identifier(&closure.get("originalLeadId"));
    let status = closure.get("closureStatus");
    if found.require(&status) {
        found.one_of(&status, &ClosureStatus::NAMES, code::INVALID_ENUM_VALUE);
    }
    found.text(&closure.get("closureReason"));
    let closed = closure.either(&["leadClosureDate", "closureDate"]);
    let created = found.time(&closure.get("leadCreatedDate"));
    let ended = found.time(&closed);
    if created.zip(ended).is_some_and(|(created, ended)| ended < created) {
        let message = "a lead does not end before it began";
        let issue = Issue::error(closed.field(), code::CLOSURE_BEFORE_CREATION, message);
        let began = closure.get("leadCreatedDate").text().unwrap_or_default();
        found.add(rejecting(issue, &closed).with("leadCreatedDate", began));
    }
    let detail = closure.get("closureDetail");
    let amount = detail.get("dealAmount");
    if found.object(&detail) {
        found.at_least(&amount, 0.0, code::DEAL_AMOUNT_NEGATIVE);
    }
    let told = [closure.get("purchasedProduct"), closure.get("customerOutcome"), amount];
    let complete = told.iter().all(Node::present);
    if status.text() == Some("WON") && !complete {
        let message = "a deal that was won tells its product, its outcome for the customer and its amount";
        found.advise(closure, code::WON_DETAILS_MISSING, message);
    }
}
