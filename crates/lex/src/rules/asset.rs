//! The rules of an ASSET.

use super::findings::{Findings, rejecting, shown};
use super::vehicle;
use crate::code;
use crate::node::Node;
use crate::verdict::Issue;

const STATUSES: [&str; 7] =
    ["AVAILABLE", "RESERVED", "SOLD", "INCOMING", "DAMAGED", "RECALLED", "DISCONTINUED"];

pub fn check(asset: &Node<'_>, found: &mut Findings<'_>) {
    found.identifier(&asset.get("assetId"));
    let status = asset.get("status");
    if found.require(&status) {
        found.one_of(&status, &STATUSES, code::INVALID_ENUM_VALUE);
    }
    for text in [asset.either(&["manufacturer", "make"]), asset.get("model")] {
        if found.require(&text) {
            found.text(&text);
        }
    }
    let year = asset.get("year");
    if found.require(&year) && !year.integer().is_some_and(|year| (1800..=2100).contains(&year)) {
        let issue =
            Issue::error(year.field(), code::SCHEMA_VIOLATION, format!("{} is no year", shown(&year)));
        found.add(rejecting(issue, &year).with("constraint", "minimum 1800, maximum 2100"));
    }
    found.text(&asset.get("productType"));
    vehicle::of_asset(asset, found);
}
