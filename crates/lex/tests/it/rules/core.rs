//! The header and the core rules of a LEAD.

use super::support::{
    acknowledgment, asset, closure, each_is_an_error, each_is_fine, error, found, judged, lead,
};
use super::support::{now, subscription, with, without};
use chrono::{Duration, SecondsFormat};
use lex::{Context, Level, Message, Severity, Verdict, check};
use serde_json::{Value, json};

#[test]
fn a_valid_message_of_each_type_leaves_nothing_to_say() {
    for document in [lead(), asset(), closure(), subscription(), acknowledgment()] {
        assert_eq!(found(document.clone()), Verdict::default(), "{document}");
    }
}

#[test]
fn a_message_without_a_header_is_looked_at_no_further() {
    for header in [json!(null), json!([]), json!("header")] {
        let document = with(without(lead(), "payload"), "header", header);
        let issue = error(document);
        assert_eq!((issue.level, &*issue.field), (Severity::Critical, "lex.header"));
    }
}

#[test]
fn every_field_of_the_header_that_is_missing_is_named_at_once() {
    let mut document = lead();
    document["lex"]["header"] = json!({"messageId": " ", "version": null});
    let fields: Vec<_> = found(document).errors.into_iter().map(|issue| (issue.code, issue.field)).collect();
    let expected = ["messageId", "messageType", "version", "timestamp", "senderId", "receiverId"]
        .map(|name| ("REQUIRED_FIELD_MISSING".to_owned(), format!("lex.header.{name}")));
    assert_eq!(fields, expected);
}

#[test]
fn a_header_says_what_it_has_to_in_its_own_words() {
    each_is_an_error(
        &lead(),
        &[
            ("header.messageType", json!("VEHICLE"), "INVALID_ENUM_VALUE", "lex.header.messageType"),
            ("header.messageType", json!("lead"), "INVALID_ENUM_VALUE", "lex.header.messageType"),
            ("header.messageType", json!(7), "INVALID_ENUM_VALUE", "lex.header.messageType"),
            ("header.messageId", json!(7), "SCHEMA_VIOLATION", "lex.header.messageId"),
            ("header.messageId", json!("x".repeat(256)), "SCHEMA_VIOLATION", "lex.header.messageId"),
            ("header.messageId", json!("a\nb"), "SCHEMA_VIOLATION", "lex.header.messageId"),
            ("header.version", json!("2.0"), "UNSUPPORTED_VERSION", "lex.header.version"),
            ("header.version", json!("1.x"), "UNSUPPORTED_VERSION", "lex.header.version"),
            ("header.version", json!(1.0), "SCHEMA_VIOLATION", "lex.header.version"),
            ("header.timestamp", json!("2026-06-15T11:59:00"), "INVALID_TIMESTAMP", "lex.header.timestamp"),
            ("header.timestamp", json!("today"), "INVALID_TIMESTAMP", "lex.header.timestamp"),
            ("header.senderId", json!("ab"), "SCHEMA_VIOLATION", "lex.header.senderId"),
            ("header.receiverId", json!("r".repeat(51)), "SCHEMA_VIOLATION", "lex.header.receiverId"),
            ("header.encryptionMethod", json!("ROT13"), "INVALID_ENUM_VALUE", "lex.header.encryptionMethod"),
            ("header.correlationId", json!({}), "SCHEMA_VIOLATION", "lex.header.correlationId"),
            ("header.ttl", json!(60), "SCHEMA_VIOLATION", "lex.header.ttl"),
            ("header.ttl.maxAgeSeconds", json!(0), "SCHEMA_VIOLATION", "lex.header.ttl.maxAgeSeconds"),
            ("header.ttl.expiresAt", json!("soon"), "INVALID_TIMESTAMP", "lex.header.ttl.expiresAt"),
            ("header.ttl.onExpiry", json!("BURN"), "INVALID_ENUM_VALUE", "lex.header.ttl.onExpiry"),
        ],
    );
    each_is_fine(
        &lead(),
        &[
            ("header.messageId", json!("MSG-2026-LEAD-001234")),
            ("header.version", json!("1.0.0")),
            ("header.version", json!("1.7")),
            ("header.timestamp", json!("1999-01-01T00:00:00+05:30")),
            ("header.correlationId", json!(null)),
            ("header.ttl", json!({"maxAgeSeconds": 3600, "onExpiry": "RETURN"})),
            ("header.retryContext", json!({"attemptNumber": 99, "maxAttempts": "many"})),
            ("header.signatureAlgorithm", json!("HMAC-SHA256")),
            ("header.unknown", json!([1, 2])),
        ],
    );
}

#[test]
fn a_refused_type_tells_which_there_are() {
    let issue = error(with(lead(), "header.messageType", json!("INQUIRY")));
    assert_eq!(issue.level, Severity::Critical);
    assert_eq!(issue.extra["rejectedValue"], "INQUIRY");
    assert_eq!(
        issue.extra["allowedValues"],
        json!(["LEAD", "ASSET", "ACKNOWLEDGMENT", "SUBSCRIPTION", "LEAD_CLOSURE"])
    );
}

#[test]
fn a_clock_may_be_a_minute_fast_and_no_more() {
    let at = |seconds| {
        let time = (now() + Duration::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Secs, true);
        with(lead(), "header.timestamp", json!(time))
    };
    assert_eq!(found(at(60)), Verdict::default());
    let issue = error(at(61));
    assert_eq!((&*issue.code, issue.level), ("TIMESTAMP_IN_FUTURE", Severity::Critical));
}

#[test]
fn a_message_ends_when_its_time_is_over() {
    let document =
        with(lead(), "header.ttl", json!({"expiresAt": "2026-06-15T12:00:00Z", "onExpiry": "RETURN"}));
    let verdict = found(document);
    assert!(verdict.expired() && !verdict.is_valid());
    assert_eq!(verdict.errors[0].field, "lex.header.ttl.expiresAt");
    assert_eq!(verdict.errors[0].extra["onExpiry"], "RETURN");
    // It was sent a minute ago.
    assert!(found(with(lead(), "header.ttl", json!({"maxAgeSeconds": 60}))).expired());
    assert!(found(with(lead(), "header.ttl", json!({"maxAgeSeconds": 61}))).is_valid());
    let broken = with(lead(), "header.ttl", json!({"maxAgeSeconds": 1}));
    assert!(!found(with(broken, "header.senderId", json!(null))).expired());
}

#[test]
fn a_payload_is_the_one_that_its_type_asks_for() {
    for (document, field) in [
        (without(lead(), "payload"), "payload.lead"),
        (with(lead(), "payload", json!({"asset": {}})), "payload.lead"),
        (with(asset(), "payload", json!([])), "payload.asset"),
        (with(closure(), "payload.leadClosure", json!(null)), "payload.leadClosure"),
        (with(subscription(), "payload.subscription", json!("me")), "payload.subscription"),
        (without(lead(), "payload.lead.customer"), "payload.lead.customer"),
        (without(lead(), "payload.lead.desiredProduct"), "payload.lead.desiredProduct"),
        (with(lead(), "payload.lead.customer", json!("Ada")), "payload.lead.customer"),
    ] {
        let issue = error(document);
        assert_eq!((issue.level, &*issue.field), (Severity::Critical, field));
    }
}

#[test]
fn a_lead_and_its_customer_have_what_is_required() {
    for name in ["leadId", "status", "source", "metadata", "customer.firstName"] {
        let field = format!("payload.lead.{name}");
        let issue = error(without(lead(), &field));
        assert_eq!((&*issue.code, issue.level), ("REQUIRED_FIELD_MISSING", Severity::Error));
        assert_eq!(issue.field, field);
        let issue = error(with(lead(), &field, json!(null)));
        assert_eq!(issue.code, "REQUIRED_FIELD_MISSING");
    }
    let unreachable = error(with(lead(), "payload.lead.customer.emailAddress", json!("")));
    assert_eq!(unreachable.field, "payload.lead.customer.emailAddress");
    assert_eq!(unreachable.code, "REQUIRED_FIELD_MISSING");
}

#[test]
fn a_lead_keeps_the_core_rules() {
    let (enumeration, schema) = ("INVALID_ENUM_VALUE", "SCHEMA_VIOLATION");
    let rows = [
        ("status", json!("ABANDONED"), enumeration, "status"),
        ("status", json!(3), enumeration, "status"),
        ("leadId", json!(12), schema, "leadId"),
        ("source", json!(["OTHER"]), schema, "source"),
        ("metadata", json!("none"), schema, "metadata"),
        ("customer.firstName", json!(true), schema, "customer.firstName"),
        ("customer.firstName", json!("  "), "REQUIRED_FIELD_MISSING", "customer.firstName"),
        ("customer.emailAddress", json!("ada"), "INVALID_EMAIL_FORMAT", "customer.emailAddress"),
        ("customer.email", json!("ada@"), "INVALID_EMAIL_FORMAT", "customer.email"),
        ("customer.phoneNumber", json!("123"), "INVALID_PHONE_FORMAT", "customer.phoneNumber"),
        ("customer.phone", json!("5550143"), "INVALID_PHONE_FORMAT", "customer.phone"),
        ("customer.phone", json!(5_125_550_143_i64), schema, "customer.phone"),
        ("customer.address", json!("Austin"), schema, "customer.address"),
        ("desiredProduct.productType", json!(1), schema, "desiredProduct.productType"),
        ("leadType", json!("ACCESSORY"), "POST_ORDER_REQUIRES_PARENT_ID", "parentOrderId"),
        ("leadType", json!("POST_ORDER"), "POST_ORDER_REQUIRES_PARENT_ID", "parentOrderId"),
        ("leadType", json!("CROSS_SELL"), "POST_ORDER_REQUIRES_PARENT_ID", "parentOrderId"),
        ("leadType", json!("PROTECTION_PLAN"), "POST_ORDER_REQUIRES_PARENT_ID", "parentOrderId"),
        ("leadType", json!("RETAILER_INSTALLED_OPTION"), "POST_ORDER_REQUIRES_PARENT_ID", "parentOrderId"),
        ("financing", json!("cash"), schema, "financing"),
        ("financing.loanTerm", json!(85), "LOAN_TERM_OUT_OF_RANGE", "financing.loanTerm"),
        ("financing.loanTerm", json!(11), "LOAN_TERM_OUT_OF_RANGE", "financing.loanTerm"),
        ("financing.loanTerm", json!("60"), "LOAN_TERM_OUT_OF_RANGE", "financing.loanTerm"),
        ("financing.preferredLoanTerm", json!(96), "LOAN_TERM_OUT_OF_RANGE", "financing.preferredLoanTerm"),
        ("leadHistory", json!({}), schema, "leadHistory"),
        ("deduplication", json!("none"), schema, "deduplication"),
    ];
    for (path, value, code, field) in rows {
        let (path, field) = (format!("payload.lead.{path}"), format!("payload.lead.{field}"));
        each_is_an_error(&lead(), &[(&path, value, code, &field)]);
    }
    for bad in [json!("A".repeat(64)), json!("a".repeat(63)), json!("SHA"), json!(7)] {
        let path = "payload.lead.deduplication.customerFingerprint";
        each_is_an_error(&lead(), &[(path, bad, "INVALID_FINGERPRINT_FORMAT", path)]);
    }
}

#[test]
fn other_names_of_the_same_field_are_read() {
    let mut document = lead();
    document["lex"]["payload"]["lead"] = json!({
        "leadId": "LEAD-00001", "status": "SHOPPING", "source": "OTHER", "leadType": "SERVICE_UPGRADE",
        "customer": {"firstName": "Ada", "email": "ada@mail.example", "phone": "+1 512 555 0143"},
        "desiredVehicle": {"manufacturers": ["Acme"]},
        "financing": {"interestedInFinancing": true, "preferredLoanTerm": 84},
        "metadata": {"createdAt": "2026-06-15T11:59:00Z"}, "anythingElse": {"is": "kept"}
    });
    assert_eq!(found(document), Verdict::default());
}

fn moved(stored: Option<&str>, told: &Value, to: &str) -> Verdict {
    let document =
        with(with(lead(), "payload.lead.leadHistory", told.clone()), "payload.lead.status", json!(to));
    let context = Context { now: now(), level: Level::L2, previous_status: stored, strict: false };
    check(&Message::new(document).unwrap(), &context)
}

#[test]
fn a_lead_moves_as_its_life_cycle_has_it() {
    let told = json!([{"previousStatus": null}, {"previousStatus": "DELIVERED", "newStatus": "SHOPPING"}]);
    assert!(moved(Some("SHOPPING"), &told, "ORDER").is_valid(), "what is stored wins");
    let refused = moved(None, &told, "IN_NEGOTIATION");
    assert_eq!(refused.errors.len(), 1);
    let issue = &refused.errors[0];
    assert_eq!((&*issue.code, &*issue.field), ("INVALID_STATUS_TRANSITION", "payload.lead.status"));
    assert_eq!(issue.extra["fromStatus"], "DELIVERED");
    assert_eq!(issue.extra["toStatus"], "IN_NEGOTIATION");
    assert_eq!(issue.extra["allowedValues"], json!(["DELIVERED", "ARCHIVED"]));
    assert!(!moved(Some("ARCHIVED"), &json!([]), "SHOPPING").is_valid());
    assert!(moved(Some("SOMETHING_OLD"), &json!([]), "SHOPPING").is_valid());
    assert!(moved(None, &json!([{"previousStatus": null}]), "DELIVERED").is_valid());
}

#[test]
fn the_same_mistake_a_thousand_times_does_not_make_an_endless_answer() {
    let rain = vec![json!("RAIN"); 1_000];
    let verdict = found(with(subscription(), "payload.subscription.eventTypes", json!(rain)));
    assert_eq!(verdict.errors.len(), 100);
}

#[test]
fn strict_mode_holds_a_message_to_the_schema() {
    let odd = with(lead(), "payload.lead.customer.buyerType", json!("ALIEN"));
    assert_eq!(found(odd.clone()), Verdict::default());
    let strict = judged(odd, Level::L1, true);
    let path = "payload.lead.customer.buyerType";
    assert!(
        strict.errors.iter().any(|issue| issue.code == "SCHEMA_VIOLATION" && issue.field == path),
        "{strict:#?}"
    );
    let retried = with(asset(), "header.retryContext", json!({"attemptNumber": 99}));
    assert_eq!(judged(retried, Level::L1, true), Verdict::default());
}
