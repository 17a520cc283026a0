//! The rules of `captiveFinance` (CF-*).

use super::findings::Findings;
use crate::node::Node;

const CENT: f64 = 0.01 + 1e-9;

pub fn check(offer: &Node<'_>, is_lead: bool, found: &mut Findings<'_>) {
    if !found.object(offer) {
        return;
    }
    let binding = offer.get("bindingCommitment");
    if is_lead && binding.boolean() == Some(true) {
        found.error(&binding, "CF-001", "an offer in a lead binds nobody");
    }
    found.time_as(&offer.get("snapshotTimestamp"), "CF-002");
    for (name, code) in [("captiveOrg", "CF-003"), ("programId", "CF-004"), ("evaluatedBy", "CF-005")] {
        found.require_as(&offer.get(name), code);
    }
    found.time_as(&offer.get("evaluatedAt"), "CF-006");
    found.require_as(&offer.get("disclaimer"), "CF-007");
    let structure = offer.get("dealStructure").text();
    for (name, block, code) in
        [("RETAIL_FINANCE", "retailFinance", "CF-008"), ("LEASE", "leaseTerms", "CF-009")]
    {
        if structure == Some(name) {
            found.require_as(&offer.get(block), code);
        }
    }
    let expires = offer.get("programExpiresAt");
    if found.time(&expires).is_some_and(|at| at < found.now()) {
        found.advise(&expires, "CF-010", "the programme has ended");
    }
    let total = offer.get("appliedIncentivesTotal");
    let incentives = offer.get("bonusIncentives");
    let sum: f64 = incentives.items().filter_map(|bonus| bonus.get("amount").number()).sum();
    if incentives.count() > 0 && total.number().is_some_and(|total| (total - sum).abs() > CENT) {
        found.advise(&total, "CF-011", "not the sum of the incentives");
    }
}
