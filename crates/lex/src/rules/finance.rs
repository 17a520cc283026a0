//! The rules of `financialSummary` (FIN-*).

use super::findings::Findings;
use crate::node::Node;

/// Sums may differ by that much.
const CENT: f64 = 0.01 + 1e-9;
const STALE_DAYS: i64 = 30;

pub fn check(summary: &Node<'_>, is_lead: bool, found: &mut Findings<'_>) {
    if !found.object(summary) {
        return;
    }
    let currency = summary.get("currency");
    let is_currency = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if found.require_as(&currency, "FIN-001") && !currency.text().is_some_and(is_currency) {
        found.error(&currency, "FIN-001", "a currency is three capital letters (ISO 4217)");
    }
    taxes(&summary.get("taxesAndFees"), is_lead, found);
    let number = |name| summary.get(name).number();
    let net = summary.get("netTradeIn");
    if let (Some(net_value), Some(allowance)) = (net.number(), number("tradeInAllowance")) {
        let expected = allowance - number("tradeInPayoff").unwrap_or_default();
        if (net_value - expected).abs() > CENT {
            found.advise(&net, "FIN-008", "not the allowance for the trade-in less what is owed on it");
        }
    }
    let negotiated = summary.get("negotiatedPrice");
    if negotiated.number().zip(number("vehiclePrice")).is_some_and(|(agreed, list)| agreed > list) {
        found.advise(&negotiated, "FIN-009", "more was agreed than the list asks for");
    }
}

fn taxes(taxes: &Node<'_>, is_lead: bool, found: &mut Findings<'_>) {
    if !found.object(taxes) {
        return;
    }
    found.require_as(&taxes.get("calculatedBy"), "FIN-002");
    let estimate = taxes.get("isEstimate");
    if is_lead && estimate.boolean() == Some(false) {
        found.error(&estimate, "FIN-003", "in a lead taxes and fees are an estimate");
    }
    let calculated = taxes.get("calculatedAt");
    if found.time_as(&calculated, "FIN-004").is_some_and(|at| found.is_older(at, STALE_DAYS)) {
        found.advise(&calculated, "FIN-010", "calculated more than 30 days ago");
    }
    let places = taxes.get("jurisdictionCodes");
    if places.count() == 0 {
        found.error(&places, "FIN-005", "at least one place whose taxes these are is required");
    }
    let items = taxes.get("lineItems");
    if items.count() == 0 {
        found.error(&items, "FIN-006", "at least one tax or fee is required");
    }
    for item in items.items() {
        found.require_as(&item.get("label"), "FIN-006");
        found.require_as(&item.get("type"), "FIN-006");
        let amount = item.get("amount");
        if found.require_as(&amount, "FIN-006") && amount.number().is_none() {
            found.error(&amount, "FIN-006", "not a number");
        }
    }
    let total = taxes.get("totalTaxesAndFees");
    let sum: f64 = items.items().filter_map(|item| item.get("amount").number()).sum();
    if total.number().is_some_and(|total| (total - sum).abs() > CENT) {
        found.advise(&total, "FIN-007", "not the sum of the taxes and fees");
    }
}
