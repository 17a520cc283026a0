//! The rules of fleets, organisations as buyers, and public procurement.

use super::customer::check_email;
use super::findings::Findings;
use crate::code;
use crate::node::Node;

pub fn check(lead: &Node<'_>, customer: &Node<'_>, found: &mut Findings<'_>) {
    fleet(&lead.get("fleetOrder"), found);
    let buyer = customer.get("organizationBuyer");
    if !found.object(&buyer) {
        if customer.get("buyerType").text() == Some("ORGANIZATION") {
            found.advise(&buyer, code::ORGANIZATION_BUYER_MISSING, "an organisation buys, but not which");
        }
        return;
    }
    found.require(&buyer.get("companyName"));
    let email = buyer.get("procurementContact").get("email");
    if email.given() {
        check_email(&email, code::INVALID_EMAIL_FORMAT, found);
    }
    let method = buyer.get("procurementMethodology");
    let told = method.given() && lead.get("procurementFinancing").present();
    if buyer.get("governmentEntity").boolean() == Some(true) && !told {
        let message = "a public body says how it procures: procurementMethodology and procurementFinancing";
        found.advise(&method, code::PROCUREMENT_DETAILS_MISSING, message);
    }
}

fn fleet(order: &Node<'_>, found: &mut Findings<'_>) {
    if !found.object(order) {
        return;
    }
    let quantity = order.get("quantity");
    if found.require(&quantity) {
        found.counted(&quantity, code::FLEET_QUANTITY_INVALID);
    }
    let Some(ordered) = quantity.number() else { return };
    let sum = |list: Node<'_>| -> f64 { list.items().filter_map(|item| item.get("quantity").number()).sum() };
    let (slots, units) = (order.get("deliverySchedule"), order.get("unitSpecifications"));
    if slots.count() > 0 && (sum(slots) - ordered).abs() > 0.5 {
        found.advise(&slots, code::FLEET_SLOTS_MISMATCH, "the slots do not add up to the quantity");
    }
    if sum(units) > ordered {
        found.advise(&units, code::FLEET_UNITS_EXCEED_QUANTITY, "more units are described than ordered");
    }
}
