//! A collector of traces: takes what services export by OTLP over HTTP, in protobuf, and keeps it.
//!
//! Answers every batch with 200 and an empty partial-success message, as a collector does that took it all.

use crate::receiver::{Received, Receiver};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span as WireSpan;
use prost::Message;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a span was a part of, in the words of OpenTelemetry.
pub const SERVER: i32 = 2;
pub const PRODUCER: i32 = 4;
pub const CONSUMER: i32 = 5;

/// A span as it was exported. Ids are in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub service: String,
    pub name: String,
    pub kind: i32,
    pub trace: String,
    pub id: String,
    /// Empty for the first of a trace.
    pub parent: String,
    /// Trace and span of each link.
    pub links: Vec<(String, String)>,
    /// Texts as they are, everything else as it prints.
    pub attributes: BTreeMap<String, String>,
    /// Whether its work failed.
    pub failed: bool,
}

/// A running collector; it ends when it is dropped.
#[derive(Debug)]
pub struct Collector(Receiver);

impl Collector {
    /// Starts a collector on a port of 127.0.0.1.
    pub async fn start() -> Self {
        Self(Receiver::start().await)
    }

    /// What services are told as `telemetry.otlp_endpoint`.
    pub fn endpoint(&self) -> String {
        self.0.url("").trim_end_matches('/').to_owned()
    }

    /// Every span so far, in the order in which they came: each after it had ended.
    ///
    /// # Panics
    /// When something else was sent.
    pub fn spans(&self) -> Vec<Span> {
        self.0.received().iter().flat_map(spans_of).collect()
    }

    /// The spans of a trace.
    pub fn trace(&self, trace: &str) -> Vec<Span> {
        self.spans().into_iter().filter(|span| span.trace == trace).collect()
    }
}

fn spans_of(received: &Received) -> Vec<Span> {
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/v1/traces"));
    assert_eq!(received.header("content-type"), Some("application/x-protobuf"));
    let request = ExportTraceServiceRequest::decode(received.body.as_slice()).expect("an export request");
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let resource =
            attributes(of_resource.resource.map(|resource| resource.attributes).unwrap_or_default());
        let service = resource.get("service.name").cloned().unwrap_or_default();
        for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(read(&service, span));
        }
    }
    spans
}

fn read(service: &str, span: WireSpan) -> Span {
    const ERROR: i32 = 2;
    let link =
        |link: opentelemetry_proto::tonic::trace::v1::span::Link| (hex(&link.trace_id), hex(&link.span_id));
    Span {
        service: service.to_owned(),
        name: span.name,
        kind: span.kind,
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        links: span.links.into_iter().map(link).collect(),
        attributes: attributes(span.attributes),
        failed: span.status.is_some_and(|status| status.code == ERROR),
    }
}

fn attributes(given: Vec<KeyValue>) -> BTreeMap<String, String> {
    given.into_iter().map(|attribute| (attribute.key, text(attribute.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}
