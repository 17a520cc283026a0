//! The rules of `dealLineage` (DL-*).

use super::findings::{Findings, rejecting};
use crate::node::Node;
use crate::verdict::Issue;

const SYSTEMS: [&str; 12] = [
    "MANUFACTURER",
    "CAPTIVE_LENDER",
    "DEALER",
    "DMS",
    "CRM",
    "FI_PLATFORM",
    "DESKING_TOOL",
    "MARKETPLACE",
    "LOGISTICS",
    "ANALYTICS",
    "THIRD_PARTY",
    "OTHER",
];
const ACTIONS: [&str; 15] = [
    "LEAD_CREATED",
    "LEAD_INGESTED",
    "LEAD_UPDATED",
    "DEAL_MODIFIED",
    "INCENTIVE_APPLIED",
    "INCENTIVE_REMOVED",
    "TAX_CALCULATED",
    "PAYMENT_RECALCULATED",
    "PRICE_NEGOTIATED",
    "TRADE_IN_APPRAISED",
    "FINANCING_APPROVED",
    "ORDER_SUBMITTED",
    "DEAL_CANCELLED",
    "DEAL_CLOSED",
    "DATA_FORWARDED",
];
/// What changes a deal, and so says how.
const MODIFICATIONS: [&str; 5] =
    ["DEAL_MODIFIED", "INCENTIVE_APPLIED", "INCENTIVE_REMOVED", "PAYMENT_RECALCULATED", "PRICE_NEGOTIATED"];

pub fn check(lineage: &Node<'_>, found: &mut Findings<'_>) {
    if !found.object(lineage) {
        return;
    }
    let (version, entries) = (lineage.get("version"), lineage.get("entries"));
    if found.require_as(&version, "DL-001") {
        found.counted(&version, "DL-001");
    }
    if entries.count() == 0 {
        found.error(&entries, "DL-002", "a lineage has at least one entry");
    }
    let mut last = None;
    for entry in entries.items() {
        check_entry(&entry, found);
        let sequence = entry.get("seq");
        if let (Some(last), Some(now)) = (last, sequence.integer()) {
            order(&sequence, last, now, found);
        }
        last = sequence.integer().or(last);
    }
    let counted = i64::try_from(entries.count()).ok();
    if entries.count() > 0 && version.integer().is_some() && version.integer() != counted {
        found.advise(&version, "DL-009", "not the number of entries");
    }
}

fn check_entry(entry: &Node<'_>, found: &mut Findings<'_>) {
    let sequence = entry.get("seq");
    if found.require_as(&sequence, "DL-003") {
        found.counted(&sequence, "DL-003");
    }
    found.require_as(&entry.get("systemId"), "DL-003");
    found.time_as(&entry.get("timestamp"), "DL-003");
    for (name, allowed, code) in [("systemType", &SYSTEMS[..], "DL-005"), ("action", &ACTIONS, "DL-006")] {
        let named = entry.get(name);
        if found.require_as(&named, "DL-003") {
            found.one_of(&named, allowed, code);
        }
    }
    let delta = entry.get("deltaFromPrevious");
    let modifies = entry.get("action").text().is_some_and(|action| MODIFICATIONS.contains(&action));
    if modifies && !delta.present() {
        found.advise(&delta, "DL-008", "the deal was changed, but it is not said how");
    }
}

fn order(sequence: &Node<'_>, last: i64, now: i64, found: &mut Findings<'_>) {
    if now < last {
        let issue = Issue::error(sequence.field(), "DL-004", format!("{now} comes after {last}"));
        found.add(rejecting(issue, sequence).suggesting("number the entries upwards"));
    } else if now == last {
        found.advise(sequence, "DL-007", "two entries have the same number");
    }
}
