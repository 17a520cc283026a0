//! What nobody sends by accident: framing that two servers read differently, JSON at its edges. Never a 5xx.

use crate::harness::{Harness, lead};
use contracts::Service;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::raw::refuses_to_smuggle;
use testkit::{answer, callers};

const LEADS: &str = "/api/v1/partners/acme/leads";

#[tokio::test]
async fn a_request_that_can_be_read_in_two_ways_ends_its_connection() {
    let intake = Harness::start().await;
    let address = intake.service.url().trim_start_matches("http://").parse().unwrap();
    let acme = contracts::identity::Caller::Principal(Box::new(callers::partner("acme", &["leads:write"])));
    let token = callers::token(Service::LeadIntake, &intake.service.process.clock, acme);
    let headers = format!("{}: {token}\r\n", contracts::identity::IDENTITY_HEADER);
    refuses_to_smuggle(address, LEADS, &headers).await;
    let leads: i64 =
        sqlx::query_scalar("select count(*) from leads").fetch_one(&intake.database.pool()).await.unwrap();
    assert_eq!(leads, 0);
}

/// A lead with something in place of its metadata, as text.
fn with_metadata(metadata: &str) -> String {
    let mut lead = lead();
    lead["partner_metadata"] = json!("HERE");
    lead.to_string().replace("\"HERE\"", metadata)
}

#[tokio::test]
async fn json_at_its_edges_is_taken_or_refused_and_never_breaks_anything() {
    let intake = Harness::start().await;
    let deep = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    let mut nul = lead();
    nul["customer"]["first_name"] = json!("Gr\0ce");
    let cases = [
        ("deep enough", with_metadata(&deep(100)), 201),
        ("too deep", with_metadata(&deep(130)), 422),
        ("far too deep", "[".repeat(200_000), 422),
        ("many elements", with_metadata(&format!("{{\"a\":[{}0]}}", "0,".repeat(100_000))), 201),
        ("too many bytes", with_metadata(&format!("{{\"a\":[{}0]}}", "0,".repeat(1_000_000))), 413),
        ("a number of 100,000 digits", with_metadata(&format!("{{\"a\":{}}}", "9".repeat(100_000))), 422),
        ("a number beyond all doubles", with_metadata("{\"a\":1e400}"), 422),
        ("a name twice", with_metadata("{\"a\":1,\"a\":2}"), 201),
        ("names that scripts trip over", with_metadata("{\"__proto__\":{\"a\":1},\"constructor\":1}"), 201),
        ("half a surrogate pair", with_metadata("{\"a\":\"\\ud800\"}"), 422),
        ("a zero character in a document", with_metadata("{\"a\":\"\\u0000\"}"), 422),
        ("a zero character in a name", with_metadata("{\"\\u0000\":1}"), 422),
        ("a zero character in a text", nul.to_string(), 422),
        ("a byte order mark", format!("\u{feff}{}", lead()), 422),
        ("no number", with_metadata("{\"a\":NaN}"), 422),
        ("two documents", format!("{}{}", lead(), lead()), 422),
        ("nothing", String::new(), 422),
        ("a word", "null".to_owned(), 422),
    ];
    let acme = callers::partner("acme", &["leads:write"]);
    for (what, body, expected) in cases {
        let request = intake.service.request(&acme, Method::POST, LEADS);
        let (status, answer) = answer(request.header("content-type", "application/json").body(body)).await;
        assert_eq!(status, expected, "{what}: {answer}");
        if status != 201 {
            assert_eq!((&answer["ok"], &answer["error"]["code"]), (&json!(false), &json!("VALIDATION_FAILED")));
        }
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_and_bodies_that_are_packed_are_refused() {
    let intake = Harness::start().await;
    let acme = callers::partner("acme", &["leads:write"]);
    let post = |body: Vec<u8>| {
        let request = intake.service.request(&acme, Method::POST, LEADS);
        request.header("content-type", "application/json").body(body)
    };
    let (status, _): (u16, Value) = answer(post(b"{\"a\":\"\xff\xfe\"}".to_vec())).await;
    assert_eq!(status, 422);
    for coding in ["gzip", "gzip, gzip", "deflate", "br"] {
        let (status, _) = answer(post(b"{}".to_vec()).header("content-encoding", coding)).await;
        assert_eq!(status, 415, "{coding}");
    }
}
