//! The rules of electric vehicles, in each of the three forms in which they are described (LEX reference §3).

use super::findings::Findings;
use crate::code;
use crate::node::Node;
use crate::verdict::Issue;
use chrono::{NaiveDate, NaiveTime};
use serde_json::Value;

/// Where the standard's own cases name these issues, whichever form the message uses.
const RANGE_FIELD: &str = "evSpecifications.estimatedRangeKm";
const DC_FIELD: &str = "evSpecifications.chargePort.maxDcChargingKw";

pub fn of_lead(lead: &Node<'_>, product: &Node<'_>, found: &mut Findings<'_>) {
    let blocks =
        [product.get("evPreferences"), product.get("evSpecifications"), lead.get("evSpecifications")];
    range(&blocks, found);
    for block in &blocks {
        details(block, found);
    }
}

pub fn of_asset(asset: &Node<'_>, found: &mut Findings<'_>) {
    let block = asset.get("evSpecifications");
    range(&[block], found);
    details(&block, found);
    let maximum = [block.get("maxDcChargingKw"), block.get("chargePort").get("maxDcChargingKw")];
    if is_dc_capable(&block) && !maximum.iter().any(Node::present) {
        let message = "it charges with direct current, but not how fast";
        let issue = Issue::warning(DC_FIELD, code::EV_DC_SPEC_MISSING, message);
        found
            .add(issue.suggesting("give evSpecifications.maxDcChargingKw, so that charging can be compared"));
    }
}

/// A range that does not say how it was measured cannot be compared.
fn range(blocks: &[Node<'_>], found: &mut Findings<'_>) {
    if blocks.iter().any(lacks_standard) {
        let message = "a range is given, but not by which standard it was measured";
        let issue = Issue::warning(RANGE_FIELD, code::EV_RANGE_STANDARD_MISSING, message);
        found.add(issue.suggesting("name the standard in rangeStandard: EPA, WLTP, CLTC, JC08 or NEDC"));
    }
}

fn lacks_standard(block: &Node<'_>) -> bool {
    let (flat, nested) = (block.get("estimatedRangeKm"), block.get("estimatedRange"));
    let told = |node: &Node<'_>, name| node.get(name).given();
    let flat_lacks = match flat.value() {
        Some(Value::Object(range)) => {
            !range.is_empty() && !told(&flat, "rangeStandard") && !told(block, "rangeStandard")
        }
        Some(_) => !told(block, "rangeStandard") && !told(&nested, "standard"),
        None => false,
    };
    let nested_lacks =
        nested.get("rangeKm").present() && !told(&nested, "standard") && !told(block, "rangeStandard");
    flat_lacks || nested_lacks
}

fn is_dc_capable(block: &Node<'_>) -> bool {
    let is_plugged = matches!(block.get("drivetrainType").text(), Some("BEV" | "PHEV"));
    let is_dc = |port: Node<'_>| {
        let standard = port.get("standard").text().unwrap_or_default();
        let fast = standard.contains("CCS") || ["NACS", "CHAdeMO", "CHADEMO", "GB_T"].contains(&standard);
        fast || port.get("acLevel").text() == Some("LEVEL_3_DC")
    };
    is_plugged && (is_dc(block.get("chargePort")) || block.get("chargePorts").items().any(is_dc))
}

fn details(block: &Node<'_>, found: &mut Findings<'_>) {
    if !found.object(block) {
        return;
    }
    let battery = block.get("batteryCapacityKwh");
    if battery.present() && battery.decimal().is_none_or(|capacity| capacity <= 0.0) {
        found.error(&battery, code::EV_BATTERY_CAPACITY_INVALID, "a battery holds more than nothing");
    }
    let as_of = block.get("taxCreditEligibility").get("asOf");
    let date = as_of.text().and_then(|text| NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok());
    if date.is_some_and(|date| found.is_older(date.and_time(NaiveTime::MIN).and_utc(), 365)) {
        found.advise(
            &as_of,
            code::EV_TAX_CREDIT_STALE,
            "what was known of tax credits is more than a year old",
        );
    }
    let home = block.either(&["homeChargingInterest", "homeCharging"]);
    let parking = home.get("parkingType");
    if home.get("interestedInInstallation").flag() == Some(true) && !parking.given() {
        found.advise(
            &parking,
            code::EV_PARKING_TYPE_MISSING,
            "a charger is wanted, but not where the car stands",
        );
    }
}
