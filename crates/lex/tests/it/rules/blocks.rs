//! The optional blocks of a LEAD.

use super::support::{
    Row, asset, closure, each_is_advice, each_is_an_error, each_is_fine, found, judged, lead, with,
};
use lex::{Level, Severity, Verdict};
use serde_json::{Value, json};

const SOON: &str = "2026-06-15T12:02:00Z";
const THEN: &str = "2026-06-01T12:00:00Z";

/// Rows below a block of a lead.
#[track_caller]
fn each_in(block: &str, document: &Value, rows: &[(&str, Value, &str)]) {
    for (path, value, code) in rows {
        let path = format!("payload.lead.{block}.{path}");
        let field = path.split('.').fold(String::new(), |field, key| match key.parse::<usize>() {
            Ok(index) => format!("{field}[{index}]"),
            Err(_) if field.is_empty() => key.to_owned(),
            Err(_) => format!("{field}.{key}"),
        });
        let row: Row<'_> = (&path, value.clone(), code, &field);
        each_is_an_error(document, &[row]);
    }
}

fn lead_with(block: &str, value: Value) -> Value {
    with(lead(), &format!("payload.lead.{block}"), value)
}

#[test]
fn intelligence_keeps_its_rules() {
    let block = json!({
        "predictedProducts": [{}], "channelAffinity": [{}], "scoringReasons": [{}], "enrichmentSources": [{}]
    });
    each_in(
        "leadIntelligence",
        &lead_with("leadIntelligence", block),
        &[
            ("intentScore", json!(1.01), "INTENT_SCORE_OUT_OF_RANGE"),
            ("intentScore", json!(-0.1), "INTENT_SCORE_OUT_OF_RANGE"),
            ("intentScore", json!("high"), "INTENT_SCORE_OUT_OF_RANGE"),
            ("modelMetadata.scoredAt", json!(SOON), "LI-002"),
            ("modelMetadata.dataFreshnessDays", json!(-1), "LI-003"),
            ("buyingWindowDays", json!(0), "LI-004"),
            ("predictedProducts.0.confidenceScore", json!(2), "LI-005"),
            ("channelAffinity.0.affinityScore", json!(-1), "LI-006"),
            ("scoringReasons.0.weight", json!(1.5), "LI-007"),
            ("scoringReasons.0.direction", json!("SIDEWAYS"), "LI-008"),
            ("enrichmentSources.0.signalCount", json!(-2), "LI-013"),
        ],
    );
    each_is_fine(
        &lead(),
        &[
            ("payload.lead.leadIntelligence", json!({"intentScore": 0, "buyingWindowDays": 1})),
            (
                "payload.lead.leadIntelligence",
                json!({"intentScore": 1.0, "modelMetadata": {"dataFreshnessDays": 7}}),
            ),
        ],
    );
    each_is_advice(
        &lead(),
        &[
            ("payload.lead.leadIntelligence", json!({"intentScore": 0.5}), "LI-009"),
            ("payload.lead.leadIntelligence", json!({"scoreTrend": "STEADY"}), "LI-012"),
        ],
    );
}

#[test]
fn scores_from_old_data_are_worth_a_warning() {
    let verdict = found(lead_with("leadIntelligence", json!({"modelMetadata": {"dataFreshnessDays": 8}})));
    let [warning] = &verdict.warnings[..] else { panic!("{verdict:#?}") };
    assert_eq!((&*warning.code, warning.level), ("INTELLIGENCE_SCORES_STALE", Severity::Warning));
    assert_eq!(warning.field, "payload.lead.leadIntelligence.modelMetadata.dataFreshnessDays");
    assert!(verdict.is_valid() && warning.suggestion.is_some());
}

#[test]
fn insights_keep_their_rules() {
    let block = json!({
        "generatedBy": {"engine": "e"}, "nextBestActions": [{}], "competitorMentions": [{"competitor": "Acme"}],
        "conversationInsights": {"intentClassifications": [{}]}
    });
    each_in(
        "aiInsights",
        &lead_with("aiInsights", block),
        &[
            ("conversationInsights.sentimentScore", json!(1.1), "AI-001"),
            ("conversationInsights.intentClassifications.0.confidence", json!(7), "AI-002"),
            ("nextBestActions.0.confidence", json!(-1), "AI-003"),
            ("generatedBy.generatedAt", json!(SOON), "AI-004"),
            ("generatedBy", json!(null), "AI-005"),
            ("competitorMentions.0.competitor", json!(""), "AI-008"),
        ],
    );
    let made = json!({"engine": "e"});
    each_is_advice(
        &lead(),
        &[
            (
                "payload.lead.aiInsights",
                json!({"generatedBy": made, "conversationInsights": {"summary": "s"}}),
                "AI-006",
            ),
            (
                "payload.lead.aiInsights",
                json!({"generatedBy": made, "nextBestActions": [{}, {}, {}, {}, {}, {}]}),
                "AI-007",
            ),
        ],
    );
}

fn summary() -> Value {
    json!({
        "currency": "USD", "vehiclePrice": 30_000, "negotiatedPrice": 29_000,
        "tradeInAllowance": 3_000, "tradeInPayoff": 1_000, "netTradeIn": 2_000,
        "taxesAndFees": {
            "calculatedBy": "DMS-1", "calculatedAt": THEN, "jurisdictionCodes": ["US-TX"], "isEstimate": true,
            "lineItems": [{"label": "tax", "type": "STATE_TAX", "amount": 0.1},
                {"label": "fee", "type": "DOC_FEE", "amount": 0.2}],
            "totalTaxesAndFees": 0.3
        }
    })
}

#[test]
fn a_financial_summary_keeps_its_rules() {
    let document = lead_with("financialSummary", summary());
    assert_eq!(found(document.clone()), Verdict::default());
    each_in(
        "financialSummary",
        &document,
        &[
            ("currency", json!(null), "FIN-001"),
            ("currency", json!("dollars"), "FIN-001"),
            ("taxesAndFees.calculatedBy", json!(""), "FIN-002"),
            ("taxesAndFees.isEstimate", json!(false), "FIN-003"),
            ("taxesAndFees.calculatedAt", json!("then"), "FIN-004"),
            ("taxesAndFees.jurisdictionCodes", json!([]), "FIN-005"),
            ("taxesAndFees.lineItems", json!([]), "FIN-006"),
            ("taxesAndFees.lineItems.0.amount", json!("ten"), "FIN-006"),
        ],
    );
    each_is_advice(
        &document,
        &[
            ("payload.lead.financialSummary.taxesAndFees.totalTaxesAndFees", json!(0.32), "FIN-007"),
            ("payload.lead.financialSummary.netTradeIn", json!(2_500), "FIN-008"),
            ("payload.lead.financialSummary.negotiatedPrice", json!(30_001), "FIN-009"),
            (
                "payload.lead.financialSummary.taxesAndFees.calculatedAt",
                json!("2026-05-01T00:00:00Z"),
                "FIN-010",
            ),
        ],
    );
    let final_one = with(closure(), "payload.leadClosure.financialSummary", summary());
    let path = "payload.leadClosure.financialSummary.taxesAndFees.isEstimate";
    assert_eq!(
        found(with(final_one, path, json!(false))),
        Verdict::default(),
        "a closure knows the final taxes"
    );
}

#[test]
fn captive_finance_keeps_its_rules() {
    let offer = json!({
        "captiveOrg": "BANK-1", "programId": "P-1", "evaluatedBy": "BANK-1", "evaluatedAt": THEN,
        "snapshotTimestamp": THEN, "disclaimer": "no offer", "bindingCommitment": false,
        "dealStructure": "RETAIL_FINANCE", "retailFinance": {"offeredApr": 2.9}, "programExpiresAt": SOON,
        "bonusIncentives": [{"amount": 500}, {"amount": 250.5}], "appliedIncentivesTotal": 750.5
    });
    let document = lead_with("captiveFinance", offer.clone());
    assert_eq!(found(document.clone()), Verdict::default());
    each_in(
        "captiveFinance",
        &document,
        &[
            ("bindingCommitment", json!(true), "CF-001"),
            ("snapshotTimestamp", json!(null), "CF-002"),
            ("captiveOrg", json!(null), "CF-003"),
            ("programId", json!(" "), "CF-004"),
            ("evaluatedBy", json!(null), "CF-005"),
            ("evaluatedAt", json!("noon"), "CF-006"),
            ("disclaimer", json!(null), "CF-007"),
            ("retailFinance", json!(null), "CF-008"),
        ],
    );
    let lease = with(document.clone(), "payload.lead.captiveFinance.dealStructure", json!("LEASE"));
    each_in("captiveFinance", &lease, &[("leaseTerms", json!(null), "CF-009")]);
    each_is_advice(
        &document,
        &[
            ("payload.lead.captiveFinance.programExpiresAt", json!(THEN), "CF-010"),
            ("payload.lead.captiveFinance.appliedIncentivesTotal", json!(800), "CF-011"),
        ],
    );
    let mut binding = offer;
    binding["bindingCommitment"] = json!(true);
    assert_eq!(found(with(closure(), "payload.leadClosure.captiveFinance", binding)), Verdict::default());
}

fn entry(sequence: u64) -> Value {
    json!({"seq": sequence, "systemId": "DMS-1", "systemType": "DMS", "timestamp": THEN, "action": "LEAD_UPDATED"})
}

#[test]
fn a_lineage_keeps_its_rules() {
    let document = lead_with("dealLineage", json!({"version": 2, "entries": [entry(1), entry(2)]}));
    assert_eq!(found(document.clone()), Verdict::default());
    each_in(
        "dealLineage",
        &document,
        &[
            ("version", json!(null), "DL-001"),
            ("version", json!(0), "DL-001"),
            ("entries", json!([]), "DL-002"),
            ("entries.0.systemId", json!(null), "DL-003"),
            ("entries.0.systemType", json!("FAX"), "DL-005"),
            ("entries.0.action", json!("LOST"), "DL-006"),
        ],
    );
    let backwards = lead_with("dealLineage", json!({"version": 2, "entries": [entry(4), entry(5)]}));
    each_in("dealLineage", &backwards, &[("entries.1.seq", json!(3), "DL-004")]);
    each_is_advice(
        &document,
        &[
            ("payload.lead.dealLineage.entries.1.seq", json!(1), "DL-007"),
            ("payload.lead.dealLineage.entries.1.action", json!("DEAL_MODIFIED"), "DL-008"),
            ("payload.lead.dealLineage.version", json!(3), "DL-009"),
        ],
    );
}

#[test]
fn notes_keep_their_rules() {
    let note = json!({
        "noteId": "N-1", "visibility": "ALL_PARTIES", "body": "b", "authorId": "A-1", "timestamp": THEN,
        "category": "GENERAL", "linkedTo": {"dealLineageSeq": 1}
    });
    let document = lead_with("dealLineage", json!({"version": 1, "entries": [entry(1)]}));
    let document = with(document, "payload.lead.structuredNotes", json!([note]));
    assert_eq!(found(document.clone()), Verdict::default());
    each_in(
        "structuredNotes",
        &document,
        &[
            ("0.noteId", json!(null), "SN-001"),
            ("0.visibility", json!(null), "SN-002"),
            ("0.visibility", json!("SECRET"), "SN-002"),
            ("0.body", json!(""), "SN-003"),
            ("0.authorId", json!(null), "SN-004"),
            ("0.timestamp", json!("then"), "SN-005"),
        ],
    );
    each_is_advice(
        &document,
        &[("payload.lead.structuredNotes.0.linkedTo.dealLineageSeq", json!(9), "SN-007")],
    );
    for (visibility, receiver, warned) in [
        ("DEALER_INTERNAL", "DEALER-1", false),
        ("DEALER_INTERNAL", "RETAILER-1", false),
        ("DEALER_INTERNAL", "MFGR-1", true),
        ("DMS_ONLY", "DEALER-1", true),
        ("DMS_ONLY", "DMS-1", false),
        ("ALL_PARTIES", "MFGR-1", false),
    ] {
        let one = with(document.clone(), "payload.lead.structuredNotes.0.visibility", json!(visibility));
        let verdict = found(with(one, "header.receiverId", json!(receiver)));
        assert!(verdict.is_valid());
        assert_eq!(verdict.has("SN-006"), warned, "{visibility} {receiver}");
    }
}

#[test]
fn electric_cars_are_described_so_that_they_can_be_compared() {
    let range = "EV_RANGE_STANDARD_MISSING";
    for (path, value, warned) in [
        ("desiredProduct.evPreferences", json!({"estimatedRangeKm": 400}), true),
        ("desiredProduct.evPreferences", json!({"estimatedRangeKm": 400, "rangeStandard": "WLTP"}), false),
        ("desiredProduct.evPreferences", json!({"estimatedRangeKm": {"epa": 300}}), true),
        (
            "desiredProduct.evPreferences",
            json!({"estimatedRangeKm": {"epa": 300, "rangeStandard": "EPA"}}),
            false,
        ),
        ("desiredProduct.evSpecifications", json!({"estimatedRange": {"rangeKm": 400}}), true),
        ("evSpecifications", json!({"estimatedRange": {"rangeKm": 400, "standard": "EPA"}}), false),
        ("evSpecifications", json!({"drivetrainType": "BEV"}), false),
    ] {
        let verdict = found(lead_with(path, value.clone()));
        assert_eq!((verdict.is_valid(), verdict.has(range)), (true, warned), "{path} {value}");
        assert!(verdict.warnings.iter().all(|issue| issue.field == "evSpecifications.estimatedRangeKm"));
    }
    let charging = |specification: &Value| {
        let verdict = found(with(asset(), "payload.asset.evSpecifications", specification.clone()));
        assert!(verdict.warnings.iter().all(|w| w.field == "evSpecifications.chargePort.maxDcChargingKw"));
        verdict.has("EV_DC_SPEC_MISSING")
    };
    let ports = |port: Value| json!({"drivetrainType": "BEV", "chargePorts": [port]});
    assert!(charging(&ports(json!({"standard": "CCS2"}))));
    assert!(charging(&ports(json!({"standard": "GB_T"}))));
    assert!(charging(&ports(json!({"standard": "TYPE2", "acLevel": "LEVEL_3_DC"}))));
    assert!(charging(&json!({"drivetrainType": "PHEV", "chargePort": {"standard": "CCS_COMBO1"}})));
    assert!(!charging(
        &json!({"drivetrainType": "BEV", "chargePort": {"standard": "CCS_COMBO1", "maxDcChargingKw": 50}})
    ));
    assert!(!charging(
        &json!({"drivetrainType": "BEV", "chargePorts": [{"standard": "NACS"}], "maxDcChargingKw": 250})
    ));
    assert!(!charging(&ports(json!({"standard": "TYPE2", "acLevel": "LEVEL_2"}))));
    assert!(!charging(&json!({"drivetrainType": "BEV"})));
    assert!(!charging(&json!({"drivetrainType": "HEV", "chargePorts": [{"standard": "CCS1"}]})));
    let path = "payload.asset.evSpecifications.batteryCapacityKwh";
    each_is_an_error(&asset(), &[(path, json!(0), "EV_BATTERY_CAPACITY_INVALID", path)]);
    let path = "payload.asset.evSpecifications";
    each_is_advice(
        &asset(),
        &[
            (path, json!({"taxCreditEligibility": {"asOf": "2025-06-01"}}), "EV_TAX_CREDIT_STALE"),
            (
                path,
                json!({"homeChargingInterest": {"interestedInInstallation": true}}),
                "EV_PARKING_TYPE_MISSING",
            ),
        ],
    );
}

#[test]
fn fleets_and_organisations_keep_their_rules() {
    let document = lead_with("fleetOrder", json!({"quantity": 10}));
    each_in(
        "fleetOrder",
        &document,
        &[
            ("quantity", json!(0), "FLEET_QUANTITY_INVALID"),
            ("quantity", json!(1.5), "FLEET_QUANTITY_INVALID"),
            ("quantity", json!(null), "REQUIRED_FIELD_MISSING"),
        ],
    );
    let document = with(document, "payload.lead.customer.organizationBuyer", json!({"companyName": "Acme"}));
    each_in(
        "customer.organizationBuyer",
        &document,
        &[
            ("companyName", json!(""), "REQUIRED_FIELD_MISSING"),
            ("procurementContact.email", json!("nobody"), "INVALID_EMAIL_FORMAT"),
        ],
    );
    each_is_advice(
        &document,
        &[
            (
                "payload.lead.fleetOrder.deliverySchedule",
                json!([{"quantity": 4}, {"quantity": 5}]),
                "FLEET_SLOTS_MISMATCH",
            ),
            (
                "payload.lead.fleetOrder.unitSpecifications",
                json!([{"quantity": 11}]),
                "FLEET_UNITS_EXCEED_QUANTITY",
            ),
            (
                "payload.lead.customer.organizationBuyer.governmentEntity",
                json!(true),
                "PROCUREMENT_DETAILS_MISSING",
            ),
        ],
    );
    each_is_advice(
        &lead(),
        &[("payload.lead.customer.buyerType", json!("ORGANIZATION"), "ORGANIZATION_BUYER_MISSING")],
    );
}

#[test]
fn advice_is_not_given_unasked() {
    let document = lead_with("leadIntelligence", json!({"intentScore": 0.5}));
    assert_eq!(judged(document, Level::L2, false), Verdict::default());
}
