//! The documents against the facts of the published contracts.

use crate::deviations::DEVIATIONS;
use contracts::Surface;
use reference::compare::compare;
use reference::{facts, openapi};

/// `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(place) => rest = &rest[place + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || last.is_some_and(|last| last.is_empty() || text.ends_with(last))
}

#[test]
fn every_operation_of_the_contracts_is_documented_as_the_contract_has_it() {
    let mut used = vec![false; DEVIATIONS.len()];
    let (mut wrong, mut operations) = (Vec::new(), Vec::new());
    for surface in Surface::ALL {
        let facts = facts::of(surface).unwrap();
        let comparison = compare(&facts, &openapi::document(surface).unwrap());
        operations.push((surface.name(), comparison.operations));
        for difference in comparison.differences {
            let deviation = DEVIATIONS
                .iter()
                .position(|(of, pattern, _)| *of == surface.name() && fits(pattern, &difference));
            match deviation {
                Some(index) => used[index] = true,
                None => wrong.push(format!("{}: {difference}", surface.name())),
            }
        }
    }
    let unused: Vec<_> = DEVIATIONS.iter().zip(used).filter(|(_, used)| !used).map(|(one, _)| one).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(unused.is_empty(), "deviations that there are no more: {unused:#?}");
    let contracts = [("partner", 5), ("ingest", 3), ("lex", 14), ("crm", 20), ("platform", 17)];
    assert_eq!(operations, contracts, "operations of the contracts that were compared");
}

#[test]
fn a_pattern_fits_what_its_stars_leave_open() {
    assert!(fits("POST /a*: is required", "POST /a request.b: is required"));
    assert!(fits("*.url: maxLength*", "POST /a request.url: maxLength 5 is new"));
    assert!(!fits("POST /a: is", "POST /a: is missing"));
    assert!(!fits("POST /a*: is", "POST /a: is missing"));
}
