//! The rules of a LEAD.

use super::findings::{Findings, rejecting, shown};
use super::{Level, consent, customer, industry, insights, intelligence, vehicle};
use crate::code;
use crate::dedup::is_fingerprint;
use crate::life_cycle::{self, Status};
use crate::node::Node;
use crate::verdict::Issue;

/// What was bought after the order belongs to one.
const POST_ORDER: [&str; 5] =
    ["ACCESSORY", "POST_ORDER", "CROSS_SELL", "PROTECTION_PLAN", "RETAILER_INSTALLED_OPTION"];

const SHORTEST_LOAN: f64 = 12.0;
const LONGEST_LOAN: f64 = 84.0;

pub const PRODUCT: [&str; 3] = ["desiredProduct", "desiredAsset", "desiredVehicle"];

pub fn check(lead: &Node<'_>, found: &mut Findings<'_>) {
    let (person, product) = (lead.get("customer"), lead.either(&PRODUCT));
    found.identifier(&lead.get("leadId"));
    status(lead, found);
    for name in ["source", "leadType", "parentOrderId"] {
        found.text(&lead.get(name));
    }
    found.require(&lead.get("source"));
    let metadata = lead.get("metadata");
    if found.require(&metadata) {
        found.object(&metadata);
    }
    let customer_there = found.require_critical(&person);
    if !found.require_critical(&product) || !customer_there {
        return;
    }
    found.text(&product.get("productType"));
    customer::check(&person, found);
    transition(lead, found);
    parent(lead, found);
    financing(&lead.get("financing"), found);
    if found.level() == Level::L3 {
        consent::check(lead, &person, found);
    }
    fingerprint(&lead.get("deduplication"), found);
    intelligence::check(&lead.get("leadIntelligence"), found);
    insights::check(&lead.get("aiInsights"), found);
    vehicle::of_lead(lead, &product, found);
    industry::check(lead, &person, found);
}

fn status(lead: &Node<'_>, found: &mut Findings<'_>) {
    let status = lead.get("status");
    if found.require(&status) && status.text().and_then(Status::parse).is_none() {
        found.one_of(&status, &Status::ALL.map(Status::as_str), code::INVALID_ENUM_VALUE);
    }
}

/// What the exchange knows of the lead wins over what the message says of its past.
fn transition(lead: &Node<'_>, found: &mut Findings<'_>) {
    let history = lead.get("leadHistory");
    if history.present() && !found.array(&history) {
        return;
    }
    let told = history.items().last().and_then(|entry| entry.get("previousStatus").text());
    let status = lead.get("status");
    let from = found.previous_status().or(told).and_then(Status::parse);
    let (Some(from), Some(to)) = (from, status.text().and_then(Status::parse)) else { return };
    if life_cycle::may_follow(from, to) {
        return;
    }
    let message = format!("a lead does not go from {} to {}", from.as_str(), to.as_str());
    let allowed: Vec<&str> = life_cycle::followers(from).map(Status::as_str).collect();
    let suggestion = format!("from {} it goes to one of {}", from.as_str(), allowed.join(", "));
    let issue = Issue::error(status.field(), code::INVALID_STATUS_TRANSITION, message)
        .with("rejectedValue", to.as_str())
        .with("fromStatus", from.as_str())
        .with("toStatus", to.as_str())
        .with("allowedValues", allowed);
    found.add(issue.suggesting(suggestion));
}

fn parent(lead: &Node<'_>, found: &mut Findings<'_>) {
    let (lead_type, parent) = (lead.get("leadType").text(), lead.get("parentOrderId"));
    if let Some(lead_type) = lead_type.filter(|name| POST_ORDER.contains(name) && !parent.given()) {
        let message = format!("a lead of type {lead_type} belongs to an order");
        let issue = Issue::error(parent.field(), code::POST_ORDER_REQUIRES_PARENT_ID, message);
        found.add(issue.suggesting("name the purchase order that this lead follows in parentOrderId"));
    }
}

fn financing(financing: &Node<'_>, found: &mut Findings<'_>) {
    if !found.object(financing) {
        return;
    }
    for name in ["loanTerm", "preferredLoanTerm"] {
        let term = financing.get(name);
        let is_term = |months: f64| (SHORTEST_LOAN..=LONGEST_LOAN).contains(&months);
        if term.present() && !term.number().is_some_and(is_term) {
            let message = format!("{} is no term from 12 to 84 months", shown(&term));
            let issue = Issue::error(term.field(), code::LOAN_TERM_OUT_OF_RANGE, message);
            found.add(rejecting(issue, &term).with("constraint", "minimum 12 months, maximum 84 months"));
        }
    }
}

fn fingerprint(block: &Node<'_>, found: &mut Findings<'_>) {
    if !found.object(block) {
        return;
    }
    let value = block.get("customerFingerprint");
    if value.present() && !value.text().is_some_and(is_fingerprint) {
        let message = "a fingerprint is a SHA-256 in hex";
        let issue = Issue::error(value.field(), code::INVALID_FINGERPRINT_FORMAT, message);
        found.add(rejecting(issue, &value).with("constraint", "64 characters, each 0-9 or a-f"));
    }
}
