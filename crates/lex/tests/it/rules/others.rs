//! Assets, closures, subscriptions, acknowledgments, and what stands beside the payload.

use super::support::{
    acknowledgment, asset, closure, each_is_advice, each_is_an_error, each_is_fine, error, found, lead,
    subscription, with, without,
};
use lex::Verdict;
use serde_json::{Value, json};

#[test]
fn an_asset_has_what_is_required() {
    for name in ["assetId", "status", "manufacturer", "model", "year"] {
        let field = format!("payload.asset.{name}");
        let issue = error(without(asset(), &field));
        assert_eq!((issue.code, issue.field), ("REQUIRED_FIELD_MISSING".to_owned(), field));
    }
    each_is_an_error(
        &asset(),
        &[
            ("payload.asset.status", json!("IN_STOCK"), "INVALID_ENUM_VALUE", "payload.asset.status"),
            ("payload.asset.year", json!(1700), "SCHEMA_VIOLATION", "payload.asset.year"),
            ("payload.asset.year", json!("2026"), "SCHEMA_VIOLATION", "payload.asset.year"),
            (
                "payload.asset.evSpecifications",
                json!([]),
                "SCHEMA_VIOLATION",
                "payload.asset.evSpecifications",
            ),
        ],
    );
    let older = with(without(asset(), "payload.asset.manufacturer"), "payload.asset.make", json!("Acme"));
    assert_eq!(found(older), Verdict::default());
}

#[test]
fn a_closure_keeps_its_rules() {
    let at = |name: &str| format!("payload.leadClosure.{name}");
    for name in ["originalLeadId", "closureStatus"] {
        assert_eq!(error(without(closure(), &at(name))).code, "REQUIRED_FIELD_MISSING");
    }
    for (name, value, code) in [
        ("closureStatus", json!("GONE"), "INVALID_ENUM_VALUE"),
        ("leadClosureDate", json!("2026-05-31T00:00:00Z"), "CLOSURE_BEFORE_CREATION"),
        ("leadCreatedDate", json!("then"), "INVALID_TIMESTAMP"),
        ("closureDetail.dealAmount", json!(-1), "DEAL_AMOUNT_NEGATIVE"),
        ("closureDetail.dealAmount", json!("much"), "DEAL_AMOUNT_NEGATIVE"),
        ("closureReason", json!(7), "SCHEMA_VIOLATION"),
    ] {
        each_is_an_error(&closure(), &[(&at(name), value, code, &at(name))]);
    }
    let alias =
        with(without(closure(), &at("leadClosureDate")), &at("closureDate"), json!("2026-05-01T00:00:00Z"));
    assert_eq!(error(alias).field, at("closureDate"));
    each_is_fine(&closure(), &[(&at("closureReason"), json!("they moved away"))]);
    each_is_advice(&closure(), &[(&at("closureStatus"), json!("WON"), "WON_DETAILS_MISSING")]);
}

#[test]
fn a_subscription_keeps_its_rules() {
    let at = |name: &str| format!("payload.subscription.{name}");
    for name in ["subscriptionId", "subscriberId", "status", "eventTypes"] {
        let issue = error(without(subscription(), &at(name)));
        assert_eq!((issue.code, issue.field), ("REQUIRED_FIELD_MISSING".to_owned(), at(name)));
    }
    for (name, value, code, field) in [
        ("status", json!("ASLEEP"), "INVALID_ENUM_VALUE", "status"),
        ("action", json!("BEG"), "INVALID_ENUM_VALUE", "action"),
        ("eventTypes", json!([]), "REQUIRED_FIELD_MISSING", "eventTypes"),
        ("eventTypes", json!("ALL"), "SCHEMA_VIOLATION", "eventTypes"),
        ("eventTypes", json!(["ALL", "RAIN"]), "INVALID_ENUM_VALUE", "eventTypes[1]"),
        ("filters", json!([]), "SCHEMA_VIOLATION", "filters"),
        ("filters.regions", json!("US"), "SCHEMA_VIOLATION", "filters.regions"),
        ("filters.productTypes", json!([1]), "SCHEMA_VIOLATION", "filters.productTypes[0]"),
        ("deliveryEndpoint", json!(1), "SCHEMA_VIOLATION", "deliveryEndpoint"),
        (
            "deliveryMethods",
            json!([{"method": "WEBHOOK"}]),
            "REQUIRED_FIELD_MISSING",
            "deliveryMethods[0].destination",
        ),
    ] {
        each_is_an_error(&subscription(), &[(&at(name), value, code, &at(field))]);
    }
    each_is_fine(
        &subscription(),
        &[
            (&at("eventTypes"), json!(["ALL", "QUOTA_EXCEEDED", "LEAD_CLOSED"])),
            ("payload.subscription", json!({"subscriptionId": "SUB-1", "action": "UNSUBSCRIBE"})),
            (&at("filters"), json!({"regions": ["US-TX"], "minimumLeadValue": 5})),
        ],
    );
}

#[test]
fn declared_capabilities_keep_their_rules() {
    let declared = json!({
        "lexVersion": "1.0.0", "conformanceLevel": "L2", "supportedMessageTypes": ["LEAD"],
        "supportedBlocks": ["consentRecord", "aviationLead"], "lastUpdated": "2026-01-01T00:00:00Z"
    });
    let at = |name: &str| format!("payload.subscription.systemCapabilities.{name}");
    let document = with(subscription(), "payload.subscription.systemCapabilities", declared);
    assert_eq!(found(document.clone()), Verdict::default());
    for (name, value, code) in [
        ("lexVersion", json!(null), "CAP-001"),
        ("lexVersion", json!("1.0"), "CAP-002"),
        ("conformanceLevel", json!(null), "CAP-003"),
        ("conformanceLevel", json!("L4"), "CAP-003"),
        ("supportedMessageTypes", json!([]), "CAP-004"),
        ("lastUpdated", json!("lately"), "CAP-005"),
    ] {
        each_is_an_error(&document, &[(&at(name), value, code, &at(name))]);
    }
    each_is_advice(
        &document,
        &[
            (&at("unsupportedBlocks"), json!(["dealLineage"]), "CAP-006"),
            (&at("supportedBlocks"), json!(["horoscope"]), "CAP-008"),
        ],
    );
}

#[test]
fn an_acknowledgment_keeps_its_rules() {
    let at = |name: &str| format!("payload.acknowledgment.{name}");
    for name in ["acknowledgmentId", "correlationId", "status", "timestamp"] {
        assert_eq!(error(without(acknowledgment(), &at(name))).code, "REQUIRED_FIELD_MISSING");
    }
    for (name, value, code) in [
        ("status", json!("MAYBE"), "INVALID_ENUM_VALUE"),
        ("timestamp", json!("now"), "INVALID_TIMESTAMP"),
        ("originalMessageId", json!(7), "SCHEMA_VIOLATION"),
    ] {
        each_is_an_error(&acknowledgment(), &[(&at(name), value, code, &at(name))]);
    }
    let header =
        with(without(acknowledgment(), &at("correlationId")), "header.correlationId", json!("M-0000"));
    assert_eq!(found(header), Verdict::default(), "the header may name the message");
}

fn extension() -> Value {
    json!({
        "namespace": "com.acme.loyalty", "version": "1.2.0", "producer": "ACME", "data": null,
        "producedAt": "2026-01-01T00:00:00Z"
    })
}

#[test]
fn extensions_keep_their_rules_and_unknown_ones_are_welcome() {
    let document = with(lead(), "extensions", json!([extension()]));
    assert_eq!(found(document.clone()), Verdict::default());
    for (name, value, code) in [
        ("namespace", json!("lex.core.ev"), "EXT-001"),
        ("namespace", json!(null), "EXT-002"),
        ("namespace", json!("ab"), "EXT-002"),
        ("version", json!("1.2"), "EXT-003"),
        ("producer", json!("A"), "EXT-004"),
        ("producedAt", json!("lately"), "EXT-005"),
    ] {
        let path = format!("extensions.0.{name}");
        each_is_an_error(&document, &[(&path, value, code, &format!("lex.extensions[0].{name}"))]);
    }
    let mut bare = extension();
    bare.as_object_mut().unwrap().shift_remove("data");
    each_is_an_error(&lead(), &[("extensions", json!([bare]), "EXT-006", "lex.extensions[0].data")]);
    each_is_an_error(&lead(), &[("extensions", json!({}), "SCHEMA_VIOLATION", "lex.extensions")]);
    let mut standard = extension();
    standard["namespace"] = json!("lex.core.ev");
    standard["producer"] = json!("LEX-STANDARD");
    each_is_fine(&lead(), &[("extensions", json!([])), ("extensions", json!([standard]))]);
}

#[test]
fn governance_keeps_its_rules() {
    let block = json!({
        "dataOwner": "PORTAL-1", "declaredBy": "PORTAL-1", "forwardingPolicy": "OPEN", "analyticsAllowed": true,
        "trainingDataAllowed": false, "declaredAt": "2026-01-01T00:00:00Z",
        "aiGovernance": {"aiGeneratedContentPresent": true, "humanReviewRequired": true, "aiDecisionScope": "NONE"}
    });
    let document = with(asset(), "dataGovernance", block);
    assert_eq!(found(document.clone()), Verdict::default());
    for (name, value, code) in [
        ("dataOwner", json!(null), "DG-001"),
        ("forwardingPolicy", json!("SOME"), "DG-002"),
        ("analyticsAllowed", json!(null), "DG-003"),
        ("trainingDataAllowed", json!("no"), "DG-004"),
        ("declaredAt", json!("lately"), "DG-005"),
        ("declaredBy", json!(""), "DG-006"),
        ("blockedRecipients", json!("DEALER-9"), "SCHEMA_VIOLATION"),
        ("aiGovernance.aiGeneratedContentPresent", json!(null), "DG-011"),
        ("aiGovernance.humanReviewRequired", json!(null), "DG-012"),
        ("aiGovernance.aiDecisionScope", json!(null), "DG-013"),
        ("aiGovernance.retentionLimitDays", json!(0), "DG-016"),
    ] {
        let path = format!("dataGovernance.{name}");
        each_is_an_error(&document, &[(&path, value, code, &format!("lex.{path}"))]);
    }
    let restricted = with(document.clone(), "dataGovernance.forwardingPolicy", json!("RESTRICTED"));
    assert_eq!(error(restricted.clone()).code, "DG-007");
    let others = found(with(restricted, "dataGovernance.allowedRecipients", json!(["DEALER-9"])));
    assert!(others.is_valid() && others.has("DG-009"));
    let facing =
        with(document.clone(), "dataGovernance.aiGovernance.aiDecisionScope", json!("CUSTOMER_FACING"));
    assert_eq!(found(facing.clone()), Verdict::default());
    assert_eq!(
        error(with(facing, "dataGovernance.aiGovernance.humanReviewRequired", json!(false))).code,
        "DG-014"
    );
    each_is_advice(&document, &[("dataGovernance.declaredBy", json!("DMS-1"), "DG-008")]);
    let insights = with(lead(), "dataGovernance", document["lex"]["dataGovernance"].clone());
    let insights = without(insights, "dataGovernance.aiGovernance");
    each_is_advice(
        &insights,
        &[("payload.lead.aiInsights", json!({"generatedBy": {"engine": "e"}}), "DG-015")],
    );
}
