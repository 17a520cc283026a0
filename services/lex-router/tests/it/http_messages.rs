//! Single messages: what is answered, what is kept, in JSON and in XML.

use crate::harness::{Harness, MESSAGES, codes, organization, with, with_header};
use contracts::identity::Principal;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::answer;

async fn post_xml(lex: &Harness, caller: &Principal, xml: impl Into<Vec<u8>>) -> (u16, Value) {
    let request = lex.service.request(caller, Method::POST, MESSAGES);
    answer(request.header("content-type", "application/xml; charset=utf-8").body(xml.into())).await
}

#[tokio::test]
async fn a_lead_is_accepted_and_read_back_as_it_was_sent() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let sent = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    let sent = with(sent, "leadIntelligence", json!({"b": 1, "a": {"unknown": [1.50, null]}}));
    let body = lex.accept(&portal, &sent).await;
    assert_eq!(
        body,
        json!({
            "messageId": "M-1", "valid": true, "processedAt": body["processedAt"], "processingTimeMs": 0,
            "warnings": [], "idempotent": false,
        })
    );
    let record = lex.record(&portal, "M-1").await;
    assert_eq!(
        record,
        json!({
            "messageId": "M-1", "messageType": "LEAD", "receivedAt": body["processedAt"],
            "senderId": "PORTAL-001", "status": "RECEIVED", "message": sent,
        })
    );
    let (status, ack) = lex.get(&portal, "/v1/messages/M-1/acknowledgment").await;
    let expected = json!({
        "originalMessageId": "M-1", "status": "RECEIVED", "processedAt": body["processedAt"], "errors": [],
    });
    assert_eq!((status, &ack), (200, &expected));
    assert_eq!(lex.get(&portal, "/v1/messages/M-1/ack").await, (200, expected));
    for path in ["/v1/messages/M-2", "/v1/messages/M-2/acknowledgment", "/v1/messages/%00"] {
        let (status, body) = lex.get(&portal, path).await;
        assert_eq!((status, &body["error"]), (404, &json!("NOT_FOUND")), "{path}");
    }
}

#[tokio::test]
async fn a_document_is_kept_word_for_word() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let text = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM").to_string();
    let text = text.replace("\"year\":2026", "\"year\": 2026, \"price\": 1.500e3, \"ä\": \"\\u00e4\"");
    let request = lex.service.request(&portal, Method::POST, MESSAGES);
    assert_eq!(answer(request.header("content-type", "application/json").body(text.clone())).await.0, 200);
    let kept = lex.service.request(&portal, Method::GET, "/v1/messages/M-1").send().await.unwrap();
    assert!(kept.text().await.unwrap().contains(&text));
}

#[tokio::test]
async fn a_refused_message_says_everything_that_is_wrong_and_can_be_read_and_corrected() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let good = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    let mut bad = with(good.clone(), "status", json!("SOON"));
    bad["lex"]["payload"]["lead"]["customer"] = json!({"emailAddress": "nowhere", "phoneNumber": "123"});
    let (status, body) = lex.post(&portal, MESSAGES, &bad).await;
    assert_eq!((status, &body["messageId"], &body["valid"]), (400, &json!("M-1"), &json!(false)));
    let found = codes(&body["errors"]);
    for code in
        ["REQUIRED_FIELD_MISSING", "INVALID_ENUM_VALUE", "INVALID_EMAIL_FORMAT", "INVALID_PHONE_FORMAT"]
    {
        assert!(found.iter().any(|found| found == code), "{code} in {found:?}");
    }
    assert_eq!(lex.record(&portal, "M-1").await["status"], "REJECTED");
    let (_, ack) = lex.get(&portal, "/v1/messages/M-1/ack").await;
    assert_eq!((&ack["status"], &codes(&ack["errors"])), (&json!("REJECTED"), &found));
    assert_eq!(lex.count("select count(*) from leads").await, 0);
    assert_eq!(lex.accept(&portal, &good).await["idempotent"], json!(false));
    assert_eq!(lex.record(&portal, "M-1").await["status"], "RECEIVED");
    assert_eq!(lex.acknowledged(&portal, "M-1").await, "RECEIVED");
}

#[tokio::test]
async fn a_header_that_is_incomplete_is_refused_and_without_a_name_nothing_is_kept() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    for (name, kept) in
        [("timestamp", 1), ("senderId", 1), ("receiverId", 1), ("messageType", 1), ("messageId", 0)]
    {
        let mut lead = with_header(lead.clone(), "messageId", json!(format!("M-{name}")));
        lead["lex"]["header"].as_object_mut().unwrap().remove(name);
        let before = lex.count("select count(*) from messages").await;
        assert!(lex.refuse(&portal, &lead).await.contains(&"REQUIRED_FIELD_MISSING".to_owned()), "{name}");
        assert_eq!(lex.count("select count(*) from messages").await - before, kept, "{name}");
    }
    for id in ["", "x".repeat(256).as_str(), "a\u{1}b"] {
        let (status, body) =
            lex.post(&portal, MESSAGES, &with_header(lead.clone(), "messageId", json!(id))).await;
        assert_eq!((status, body["valid"].clone()), (400, json!(false)), "{id:?} {body}");
    }
}

#[tokio::test]
async fn each_way_in_takes_its_own_type_alone() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    let asset = lex.asset("M-2", "ASSET-1", "PORTAL-001");
    for (path, message) in [("/v1/leads", &asset), ("/v1/assets", &lead)] {
        let (status, body) = lex.post(&portal, path, message).await;
        let issue = &body["errors"][0];
        assert_eq!(
            (status, &issue["code"], &issue["field"]),
            (400, &json!("INVALID_ENUM_VALUE"), &json!("lex.header.messageType"))
        );
    }
    let (status, body) = lex.post(&portal, "/v1/leads", &lead).await;
    assert_eq!(
        (status, &body["leadId"], &body["routedTo"]),
        (200, &json!("LEAD-000001"), &json!("LEX-PLATFORM"))
    );
    let (_, again) = lex.post(&portal, "/v1/leads", &lead).await;
    assert_eq!((&again["leadId"], &again["idempotent"]), (&json!("LEAD-000001"), &json!(true)));
    let (status, body) = lex.post(&portal, "/v1/assets", &asset).await;
    assert_eq!((status, body.get("leadId")), (200, None));
}

#[tokio::test]
async fn an_idempotency_key_must_be_the_messages_id() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let lead = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    let with_key = |key: &'static str| {
        lex.service.request(&portal, Method::POST, MESSAGES).header("idempotency-key", key).json(&lead)
    };
    let (status, body) = answer(with_key("M-2")).await;
    assert_eq!((status, codes(&body["errors"])), (400, vec!["IDEMPOTENCY_KEY_MISMATCH".to_owned()]));
    assert_eq!(lex.count("select count(*) from messages").await, 0);
    assert_eq!(answer(with_key("M-1")).await.0, 200);
}

#[tokio::test]
async fn xml_is_taken_like_json() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let sent = lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
    let message = lex::Message::from_json(sent.to_string().as_bytes()).unwrap();
    let (status, body) = post_xml(&lex, &portal, message.to_xml()).await;
    assert_eq!((status, &body["messageId"]), (200, &json!("M-1")), "{body}");
    assert_eq!(lex.record(&portal, "M-1").await["message"], sent);
    let (status, again) = post_xml(&lex, &portal, message.to_xml()).await;
    assert_eq!((status, &again["idempotent"]), (200, &json!(true)));
    for broken in ["<lex>", "<!DOCTYPE lex [<!ENTITY a \"b\">]><lex>&a;</lex>", "<LEXMessage/>", "{}"] {
        let (status, body) = post_xml(&lex, &portal, broken).await;
        assert_eq!((status, codes(&body["errors"])), (400, vec!["INVALID_FORMAT".to_owned()]), "{broken}");
    }
    let wrong = with(with_header(sent, "messageId", json!("M-2")), "status", json!("SOON"));
    let wrong = lex::Message::from_json(wrong.to_string().as_bytes()).unwrap();
    let (status, body) = post_xml(&lex, &portal, wrong.to_xml()).await;
    assert_eq!((status, &body["errors"][0]["code"]), (400, &json!("INVALID_ENUM_VALUE")));
}

#[tokio::test]
async fn what_comes_too_late_is_set_aside_dropped_or_handed_back() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    for (id, on_expiry, status) in [
        ("M-1", json!("DLQ"), Some("DLQ")),
        ("M-2", json!("RETURN"), Some("REJECTED")),
        ("M-3", json!("DISCARD"), None),
    ] {
        let lead = lex.lead(id, &format!("LEAD-00000{id}"), "PORTAL-001", "LEX-PLATFORM");
        let ttl = json!({"expiresAt": lex.time(-1), "onExpiry": on_expiry});
        assert_eq!(lex.refuse(&portal, &with_header(lead, "ttl", ttl)).await, ["MESSAGE_TTL_EXPIRED"]);
        let (found, record) = lex.get(&portal, &format!("/v1/messages/{id}")).await;
        match status {
            Some(status) => {
                assert_eq!((found, &record["status"]), (200, &json!(status)));
                assert_eq!(lex.acknowledged(&portal, id).await, "REJECTED");
            }
            None => assert_eq!(found, 404),
        }
    }
    assert_eq!(lex.count("select count(*) from leads").await, 0);
    let (status, dead) = lex.get(&portal, "/v1/messages?status=DLQ&limit=1").await;
    assert_eq!(
        (status, &dead["messages"][0]["messageId"], &dead["nextCursor"]),
        (200, &json!("M-1"), &Value::Null)
    );
    assert_eq!(codes(&dead["messages"][0]["errors"]), ["MESSAGE_TTL_EXPIRED"]);
    assert_eq!(
        lex.get(&organization("PORTAL-002"), "/v1/messages?status=DLQ").await.1["messages"],
        json!([])
    );
    // A dead message that is sent again in time is dead no longer.
    lex.accept(&portal, &lex.lead("M-1", "LEAD-000001", "PORTAL-001", "LEX-PLATFORM")).await;
    assert_eq!(lex.get(&portal, "/v1/messages?status=DLQ").await.1["messages"], json!([]));
    let (status, body) = lex.get(&portal, "/v1/messages?limit=0&cursor=x").await;
    let fields = body["details"]["fields"].as_array().unwrap().len();
    assert_eq!((status, &body["error"], fields), (400, &json!("BAD_REQUEST"), 3));
}

#[tokio::test]
async fn dead_messages_are_listed_page_by_page() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    for number in 0..5 {
        let lead = lex.lead(&format!("M-{number}"), "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
        lex.refuse(&portal, &with_header(lead, "ttl", json!({"expiresAt": lex.time(-1)}))).await;
        lex.service.process.clock.advance(chrono::TimeDelta::seconds(1));
    }
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = lex.get(&portal, &format!("/v1/messages?status=DLQ&limit=2&cursor={cursor}")).await;
        ids.extend(page["messages"].as_array().unwrap().iter().map(|dead| dead["messageId"].clone()));
        match page["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(ids, ["M-4", "M-3", "M-2", "M-1", "M-0"]);
}

#[tokio::test]
async fn messages_are_taken_up_to_four_mebibytes() {
    let lex = Harness::start().await;
    let portal = organization("PORTAL-001");
    let sized = |id: &str, bytes: usize| {
        let lead = lex.lead(id, "LEAD-000001", "PORTAL-001", "LEX-PLATFORM");
        with(lead, "note", json!("x".repeat(bytes)))
    };
    for (id, bytes) in [("M-1", 100_000), ("M-2", 4_000_000)] {
        lex.accept(&portal, &sized(id, bytes)).await;
        assert_eq!(lex.accept(&portal, &sized(id, 10)).await["idempotent"], json!(true));
    }
    let (status, body) = lex.post(&portal, MESSAGES, &sized("M-3", 4_200_000)).await;
    assert_eq!((status, &body["error"]), (413, &json!("PAYLOAD_TOO_LARGE")));
}
