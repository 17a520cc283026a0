//! The comparison sees what it is there to see: each test breaks a true document in one place.

use contracts::Surface;
use reference::compare::compare;
use reference::{facts, openapi};
use serde_json::{Value, json};

const LEADS: &str = "/paths/~1api~1v1~1partners~1{partner_slug}~1leads/post";

/// What the comparison says of a broken document that it does not say of the true one.
fn seen(surface: Surface, break_it: impl FnOnce(&mut Value)) -> Vec<String> {
    let facts = facts::of(surface).unwrap();
    let mut document = openapi::document(surface).unwrap();
    let known = compare(&facts, &document).differences;
    break_it(&mut document);
    let mut seen = compare(&facts, &document).differences;
    seen.retain(|difference| !known.contains(difference));
    seen
}

fn at<'d>(document: &'d mut Value, pointer: &str) -> &'d mut Value {
    document.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}"))
}

fn schema<'d>(document: &'d mut Value, name: &str) -> &'d mut Value {
    at(document, &format!("/components/schemas/{name}"))
}

fn remove(object: &mut Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name).unwrap()
}

fn without(list: &mut Value, word: &str) {
    let list = list.as_array_mut().unwrap();
    assert!(list.contains(&json!(word)));
    list.retain(|value| value != word);
}

#[test]
fn a_removed_operation() {
    let seen = seen(Surface::Partner, |document| {
        remove(at(document, "/paths/~1api~1v1~1partners~1{partner_slug}~1webhook-subscriptions"), "get");
    });
    let expected = "GET /api/v1/partners/{partner_slug}/webhook-subscriptions: the operation is missing";
    assert_eq!(seen, [expected]);
}

#[test]
fn a_removed_field_of_an_answer() {
    let seen = seen(Surface::Partner, |document| {
        let lead = schema(document, "Lead");
        remove(&mut lead["properties"], "received_at");
        without(&mut lead["required"], "received_at");
    });
    let place = "POST /api/v1/partners/{partner_slug}/leads 201 body.data.received_at";
    assert_eq!(seen, [format!("{place}: the field is missing"), format!("{place}: is no longer required")]);
}

#[test]
fn a_removed_field_of_a_request() {
    let seen = seen(Surface::Ingest, |document| {
        remove(&mut schema(document, "Event")["properties"], "duration");
    });
    assert_eq!(seen, ["POST /api/v1/ingest/events request body.events[].duration: the field is missing"]);
}

#[test]
fn a_field_of_an_answer_that_may_be_missing_now() {
    let seen =
        seen(Surface::Partner, |document| without(&mut schema(document, "Lead")["required"], "status"));
    let place = "POST /api/v1/partners/{partner_slug}/leads 201 body.data.status";
    assert_eq!(seen, [format!("{place}: is no longer required")]);
}

#[test]
fn a_changed_status() {
    let seen = seen(Surface::Partner, |document| {
        let answers = at(document, &format!("{LEADS}/responses"));
        let created = remove(answers, "201");
        answers["200"] = created;
    });
    assert_eq!(seen, ["POST /api/v1/partners/{partner_slug}/leads 201: the status is missing"]);
}

#[test]
fn a_narrowed_enum_of_a_request() {
    let seen =
        seen(Surface::Ingest, |document| without(&mut schema(document, "EventCategory")["enum"], "design"));
    let place = "POST /api/v1/ingest/events request body.events[].category";
    assert_eq!(seen, [format!("{place}: the value \"design\" is missing")]);
}

#[test]
fn a_narrowed_and_a_widened_enum_of_an_answer() {
    let seen = seen(Surface::Partner, |document| {
        let statuses = &mut schema(document, "LeadStatus")["enum"];
        without(statuses, "failed");
        statuses.as_array_mut().unwrap().push(json!("lost"));
    });
    let place = "POST /api/v1/partners/{partner_slug}/leads 201 body.data.status";
    let expected = [
        format!("{place}: the value \"failed\" is missing"),
        format!("{place}: may be \"lost\", which the contract does not know"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_new_required_field_of_a_request() {
    let seen = seen(Surface::Partner, |document| {
        schema(document, "LeadCreate")["required"].as_array_mut().unwrap().push(json!("offer"));
    });
    let place = "POST /api/v1/partners/{partner_slug}/leads request body.offer";
    assert_eq!(seen, [format!("{place}: is required here alone")]);
}

#[test]
fn a_tightened_a_loosened_a_dropped_and_a_new_limit() {
    let seen = seen(Surface::Partner, |document| {
        let customer = &mut schema(document, "Customer")["properties"];
        customer["first_name"]["maxLength"] = json!(50);
        customer["last_name"]["maxLength"] = json!(500);
        remove(&mut customer["email"], "maxLength");
        customer["phone"]["maxLength"] = json!(20);
    });
    let place = "POST /api/v1/partners/{partner_slug}/leads request body.customer";
    let expected = [
        format!("{place}.email: maxLength 200 is missing"),
        format!("{place}.first_name: maxLength is 50, not 100"),
        format!("{place}.last_name: maxLength is 500, not 100"),
        format!("{place}.phone: maxLength 20 is asked for here alone"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_changed_type_and_a_changed_format() {
    let seen = seen(Surface::Partner, |document| {
        let lead = &mut schema(document, "Lead")["properties"];
        lead["lead_id"] = json!({"type": "string"});
        lead["partner_slug"]["type"] = json!(["string", "null"]);
    });
    let place = "POST /api/v1/partners/{partner_slug}/leads 201 body.data";
    let expected = [
        format!("{place}.lead_id: is not of format uuid"),
        format!("{place}.partner_slug: is null or string, not string"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_removed_header() {
    let seen = seen(Surface::Partner, |document| {
        remove(at(document, &format!("{LEADS}/responses/201/headers")), "RateLimit-Reset");
    });
    let place = "POST /api/v1/partners/{partner_slug}/leads 201 RateLimit-Reset";
    assert_eq!(seen, [format!("{place}: the header is missing")]);
}

#[test]
fn a_removed_parameter_and_a_new_required_one() {
    let seen = seen(Surface::Ingest, |document| {
        let parameters = at(document, "/paths/~1api~1v1~1ingest~1events/post/parameters");
        *parameters = json!([{"in": "query", "name": "app", "required": true, "schema": {"type": "string"}}]);
    });
    let expected = [
        "POST /api/v1/ingest/events header Idempotency-Key: the parameter is missing",
        "POST /api/v1/ingest/events query app: is required here alone",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn another_media_type_and_an_operation_that_is_no_longer_open() {
    let seen = seen(Surface::Partner, |document| {
        let keys = at(document, "/paths/~1.well-known~1jwks.json/get");
        remove(keys, "security");
        keys["security"] = json!([{"serviceJwt": []}]);
        let content = &mut keys["responses"]["200"]["content"];
        let keys = remove(content, "application/jwk-set+json");
        content["application/json"] = keys;
    });
    let expected = [
        "GET /.well-known/jwks.json: the contract's operation is open",
        "GET /.well-known/jwks.json 200: there is no application/jwk-set+json",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn what_the_contract_lacks_is_marked_and_nothing_else() {
    let partner = openapi::document(Surface::Partner).unwrap();
    let mark = |pointer: &str| {
        partner.pointer(pointer).unwrap_or_else(|| panic!("{pointer}")).get("x-leadwire-addition")
    };
    let marked = [
        "/paths/~1api~1v1~1partners~1{partner_slug}~1leads/get".to_owned(),
        format!("{LEADS}/responses/503"),
        "/components/headers/Idempotent-Replayed.optional".to_owned(),
        "/components/schemas/WebhookSubscription/properties/rate_limit".to_owned(),
    ];
    for pointer in marked {
        assert_eq!(mark(&pointer), Some(&json!(true)), "{pointer}");
    }
    let contract = [
        LEADS.to_owned(),
        format!("{LEADS}/responses/201"),
        format!("{LEADS}/responses/422"),
        "/components/headers/RateLimit-Limit.optional".to_owned(),
        "/components/schemas/Lead/properties/status".to_owned(),
        "/components/schemas/LeadPage/properties/items".to_owned(),
    ];
    for pointer in contract {
        assert_eq!(mark(&pointer), None, "{pointer}");
    }
}
