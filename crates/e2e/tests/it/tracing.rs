//! One trace from a partner's request to the subscriber's receipt, through outbox, broker, retries and replays,
//! held against what the services export; and that nobody waits for a collector.

use crate::story::Story;
use contracts::Service;
use e2e::partner::lead;
use reqwest::Method;
use serde_json::{Value, json};
use std::process::Output;
use std::time::{Duration, Instant};
use testkit::collector::{CONSUMER, Collector, PRODUCER, SERVER, Span};
use testkit::receiver::{Receiver, Reply};
use testkit::{eventually, eventually_within};

const LEADS: &str = "/api/v1/partners/{partner_slug}/leads";
/// Spans are exported once a second.
const EXPORTED: Duration = Duration::from_secs(15);

/// Every service tells this collector, and records only what its caller records.
fn telling(endpoint: &str, ratio: &str) -> Vec<(String, String)> {
    let of = |service: Service| {
        let name = service.name().replace('-', "_").to_uppercase();
        let setting = |key: &str| format!("LEADWIRE_{name}__TELEMETRY__{key}");
        [(setting("OTLP_ENDPOINT"), endpoint.to_owned()), (setting("TRACE_RATIO"), ratio.to_owned())]
    };
    Service::ALL.into_iter().flat_map(of).collect()
}

async fn begin(endpoint: &str, ratio: &str) -> Story {
    let settings = telling(endpoint, ratio);
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Story::begin_with(&settings).await
}

/// A trace that a partner has begun and records.
struct Begun {
    trace: String,
    span: String,
}

impl Begun {
    fn new() -> Self {
        let [trace, span] = [testkit::unique_id(), testkit::unique_id()].map(|id| id.simple().to_string());
        Self { trace, span: span[16..].to_owned() }
    }

    fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace, self.span)
    }

    /// The span of a `traceparent` that goes on with this trace, recorded.
    fn continued(&self, traceparent: Option<&str>) -> String {
        let parts: Vec<_> = traceparent.unwrap().split('-').collect();
        assert_eq!((parts[1], parts[3]), (self.trace.as_str(), "01"), "{traceparent:?}");
        parts[2].to_owned()
    }
}

async fn submit(story: &Story, begun: &Begun) -> Value {
    let url =
        format!("{}/api/v1/partners/{}/leads", story.system.address("LEADWIRE_URL"), story.partner.slug);
    let request = testkit::http()
        .post(url)
        .bearer_auth(story.partner.token())
        .header("traceparent", begun.traceparent())
        .json(&lead());
    let (status, answer) = testkit::answer(request).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"].clone()
}

/// The one span of a service with a name.
fn only<'s>(spans: &'s [Span], service: &str, name: &str) -> &'s Span {
    let found: Vec<_> = spans.iter().filter(|span| span.service == service && span.name == name).collect();
    assert_eq!(found.len(), 1, "{service} {name} in {spans:#?}");
    found[0]
}

/// Whether a span belongs to another: as its child, or because it is linked to it.
fn follows(span: &Span, of: &Span) -> bool {
    (span.trace == of.trace && span.parent == of.id)
        || span.links.contains(&(of.trace.clone(), of.id.clone()))
}

fn json_of(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        unreadable(&format!("{error}: {text} {}", String::from_utf8_lossy(&output.stderr)))
    })
}

#[expect(clippy::panic, reason = "a story ends where its surroundings fail")]
fn unreadable(what: &str) -> Value {
    panic!("the program did not answer with JSON: {what}")
}

#[tokio::test]
async fn one_trace_goes_from_a_partners_request_to_the_receipt_through_retries_and_replays() {
    let collector = Collector::start().await;
    // Nothing is recorded that the partner does not record.
    let story = begin(&collector.endpoint(), "0").await;
    let begun = Begun::new();

    // The way out: gateway, service, outbox, broker, fan-out, two attempts.
    story.receiver.next([Reply::Status(500)]);
    submit(&story, &begun).await;
    let received = story.receiver.wait_for(2).await;
    let heard: Vec<_> =
        received.iter().map(|request| begun.continued(request.header("traceparent"))).collect();
    let spans = eventually_within(EXPORTED, "the way out, exported by every service on it", async || {
        let spans = collector.trace(&begun.trace);
        let count = |name: &str| spans.iter().filter(|span| span.name == name).count();
        let is_whole = count("deliver") == 2
            && count(&format!("POST {LEADS}")) == 2
            && collector.spans().iter().any(|span| span.name == "publish" && span.service == "lead-intake")
            && count("process webhook-dispatcher.events") > 0;
        is_whole.then_some(spans)
    })
    .await;
    let edge = only(&spans, "gateway", &format!("POST {LEADS}"));
    assert_eq!((edge.kind, &edge.parent), (SERVER, &begun.span));
    assert_eq!(edge.attributes["http.response.status_code"], "201");
    let intake = only(&spans, "lead-intake", &format!("POST {LEADS}"));
    assert_eq!((intake.kind, &intake.parent), (SERVER, &edge.id));
    let all = collector.spans();
    let published = all.iter().find(|span| span.service == "lead-intake" && follows(span, intake)).unwrap();
    assert_eq!((published.kind, published.name.as_str()), (PRODUCER, "publish"));
    let fanned = |span: &&Span| span.name == "process webhook-dispatcher.events" && follows(span, intake);
    assert_eq!(all.iter().find(fanned).unwrap().kind, CONSUMER);
    let attempts: Vec<_> = spans.iter().filter(|span| span.name == "deliver").collect();
    assert!(attempts.iter().all(|span| span.parent == intake.id && span.service == "webhook-dispatcher"));
    let ids: Vec<_> = attempts.iter().map(|span| span.id.clone()).collect();
    assert_eq!(ids, heard, "receivers see the span of the attempt");
    assert_eq!(attempts.iter().map(|span| span.failed).collect::<Vec<_>>(), [true, false]);
    assert_eq!(attempts[0].links, []);
    assert_eq!(attempts[1].links, [(begun.trace.clone(), attempts[0].id.clone())]);

    // It is in the store and in the logs, so that people find it.
    let webhook_id = received[0].header("webhook-id").unwrap();
    let shown = eventually("the delivery, settled", async || {
        let shown = json_of(&story.system.leadwire(&["events", "show", webhook_id, "--json"]));
        (shown["deliveries"][0]["status"] == "DELIVERED").then_some(shown)
    })
    .await;
    assert_eq!((&shown["traceId"], &shown["eventType"]), (&json!(begun.trace), &json!("lead.created")));
    assert_eq!(shown["deliveries"][0]["attemptCount"], 2);
    let mark = format!("\"trace_id\":\"{}\"", begun.trace);
    for service in [Service::Gateway, Service::LeadIntake] {
        let log = story.system.log(service);
        let line = log.lines().find(|line| line.contains(&mark)).unwrap();
        assert!(line.contains("\"message\":\"request\""), "{line}");
    }

    dead_letter_and_redelivery(&story, &collector).await;
    replay_from_the_broker(&story, &collector).await;
}

/// A receiver that says 400, an operator who finds out why, and another try that goes on with the trace.
async fn dead_letter_and_redelivery(story: &Story, collector: &Collector) {
    let strict = Receiver::start().await;
    strict.next([Reply::with_body(400, "lead without a budget")]);
    let (url, admin) = (story.system.address("LEADWIRE_URL"), story.system.address("LEADWIRE_ADMIN_KEY"));
    let body = json!({"url": strict.url("/strict?token=secret"), "events": ["lead.created"]});
    let path = format!("{url}/api/v1/api-clients/{}/webhooks", story.partner.client_id);
    let (status, answer) = testkit::answer(testkit::http().post(path).bearer_auth(admin).json(&body)).await;
    assert_eq!(status, 201, "{answer}");

    let begun = Begun::new();
    submit(story, &begun).await;
    let received = strict.wait_for(1).await;
    let id = received[0].header("webhook-id").unwrap();
    let dead = eventually("a dead letter", async || {
        let list =
            ["deliveries", "ls", "--organization", &story.partner.slug, "--status", "dead_letter", "--json"];
        json_of(&story.system.leadwire(&list))["data"].as_array().unwrap().first().cloned()
    })
    .await;
    assert_eq!((&dead["id"], &dead["traceId"]), (&json!(id), &json!(begun.trace)));
    let shown = story.system.leadwire(&["deliveries", "show", id]);
    let page = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success(), "{page}");
    for part in ["because answer 400 is not tried again", "answered 400: lead without a budget", &begun.trace]
    {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("secret"), "{page}");

    let retried = story.system.leadwire(&["deliveries", "retry", id, "--json"]);
    assert!(retried.status.success(), "{retried:?}");
    let again = strict.wait_for(2).await;
    assert_eq!(again[1].header("webhook-id"), Some(id));
    let attempts = eventually_within(EXPORTED, "the redelivery, exported", async || {
        let mut spans = collector.trace(&begun.trace);
        spans.retain(|span| span.name == "deliver" && span.attributes["webhook_id"] == id);
        (spans.len() == 2).then_some(spans)
    })
    .await;
    assert_eq!(attempts[1].id, begun.continued(again[1].header("traceparent")));
    assert_eq!(attempts[1].links, [(begun.trace.clone(), attempts[0].id.clone())]);
    let nobody = story.system.leadwire(&["events", "show", "evt_019b7d2a1c0870008000000000000001"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stdout).contains("the dispatcher does not have"), "{nobody:?}");
    let tail =
        ["events", "tail", "--since", "1h", "-n", "1", "--json", "--organization", &story.partner.slug];
    assert_eq!(json_of(&story.system.leadwire(&tail))["eventType"], "lead.created");
}

/// An event that lies among the dead letters of the broker goes on with its trace when it is replayed.
async fn replay_from_the_broker(story: &Story, collector: &Collector) {
    let begun = Begun::new();
    let before = story.receiver.received().len();
    let id = testkit::unique_id();
    let mut event: Value =
        serde_json::from_str(include_str!("../../../../proto/fixtures/intake.lead.created.v1.json")).unwrap();
    event["id"] = json!(id);
    event["tenantid"] = json!(story.partner.organization_id);
    event["data"]["partner_slug"] = json!(story.partner.slug);
    event["traceparent"] = json!(begun.traceparent());
    event["trackdelivery"] = json!(false);
    let message = json!({
        "routing_key": "webhook-dispatcher.events", "payload": event.to_string(), "payload_encoding": "string",
        "properties": {
            "delivery_mode": 2, "message_id": id, "type": "lead.created", "content_type": "application/json",
            "headers": {
                "traceparent": begun.traceparent(), "tenant-id": story.partner.organization_id,
                "x-error": "a story", "x-error-kind": "permanent", "x-first-queue": "webhook-dispatcher.events",
                "x-attempts": 1,
            },
        },
    });
    let management = story.system.address("RABBITMQ_MANAGEMENT_URL");
    let publish = format!("{management}/api/exchanges/leadwire/dead-letter/publish");
    let (status, answer) = testkit::answer(testkit::http().post(publish).json(&message)).await;
    assert_eq!((status, &answer["routed"]), (200, &json!(true)), "{answer}");
    let queue = ["dlq", "replay", "--queue", "webhook-dispatcher.events", "--unaudited"];
    let at = ["--amqp-url", story.system.address("AMQP_URL")];
    let replayed = story.system.leadwire(&[queue.as_slice(), &at].concat());
    assert!(replayed.status.success(), "{replayed:?}");
    let received = story.receiver.wait_for(before + 1).await;
    let heard = begun.continued(received[before].header("traceparent"));
    let spans = eventually_within(EXPORTED, "the replay, exported", async || {
        let spans = collector.trace(&begun.trace);
        spans.iter().any(|span| span.name == "deliver" && span.id == heard).then_some(spans)
    })
    .await;
    let processed = only(&spans, "webhook-dispatcher", "process webhook-dispatcher.events");
    assert_eq!((processed.kind, &processed.parent), (CONSUMER, &begun.span));
}

#[tokio::test]
async fn nobody_waits_for_a_collector_that_hangs_or_is_away() {
    let hanging = Receiver::start().await;
    hanging.always(Reply::Hang);
    let story = begin(&hanging.url("").replace("127.0.0.1", "localhost"), "1").await;
    story.submit_many(50, 10).await;
    story.receiver.wait_for(50).await;
    eventually_within(EXPORTED, "a batch that is never answered", async || {
        (!hanging.received().is_empty()).then_some(())
    })
    .await;
    // With the exporters stuck, every request is recorded all the same, and none is slower for it.
    let began = Instant::now();
    let leads = story.submit_many(100, 10).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(hanging);
    let more = story.submit_many(20, 5).await;
    story.receiver.wait_for(170).await;
    assert_eq!((leads.len(), more.len()), (100, 20));
    let stopping = Instant::now();
    story.system.signal(Service::LeadIntake, "TERM");
    eventually_within(EXPORTED, "an end", async || (!story.system.runs("lead-intake")).then_some(())).await;
    assert!(stopping.elapsed() < Duration::from_secs(10), "{:?}", stopping.elapsed());
    let gone = story.partner.send(Method::GET, "/leads", None).await;
    assert!(gone.status().is_server_error());
}
