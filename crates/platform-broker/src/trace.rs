//! Trace context of messages: from the `traceparent` header to the spans that publish and process them.
//!
//! A span for one message is a child of the span that made it; a span for several links to those that are
//! recorded, as the OpenTelemetry messaging conventions ask, and is recorded when one of them is. Payloads never
//! become attributes.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Reads a W3C `traceparent` (Trace Context §3.2). `None` when it is malformed or all zero.
pub(crate) fn remote_context(traceparent: &str) -> Option<SpanContext> {
    let mut fields = traceparent.split('-');
    let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let is_hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let well_formed = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && is_hex(span, 16)
        && is_hex(flags, 2)
        && (version != "00" || fields.next().is_none());
    if !well_formed {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}

/// A root span for the processing of messages of a queue, tied to the traces that they come from.
pub(crate) fn processing<'a>(
    queue: &'static str,
    count: usize,
    message_id: Option<&str>,
    traceparents: impl Iterator<Item = &'a str>,
) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "process",
        "otel.name" = format!("process {queue}"),
        "otel.kind" = "consumer",
        "messaging.system" = "rabbitmq",
        "messaging.operation.type" = "process",
        "messaging.destination.name" = queue,
        "messaging.batch.message_count" = count,
        "messaging.message.id" = message_id,
    );
    tie(&span, count, traceparents);
    span
}

/// A root span for the publishing of messages, tied to the traces that they come from.
pub(crate) fn publishing<'a>(count: usize, traceparents: impl Iterator<Item = &'a str>) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "publish",
        "otel.kind" = "producer",
        "messaging.system" = "rabbitmq",
        "messaging.operation.type" = "send",
        "messaging.batch.message_count" = count,
    );
    tie(&span, count, traceparents);
    span
}

fn tie<'a>(span: &Span, count: usize, traceparents: impl Iterator<Item = &'a str>) {
    let mut contexts = traceparents.filter_map(remote_context);
    if count == 1 {
        if let Some(context) = contexts.next() {
            let parent = opentelemetry::Context::new().with_remote_span_context(context);
            // Fails when no OpenTelemetry layer is installed: then there is no trace to belong to.
            span.set_parent(parent).unwrap_or(());
        }
    } else {
        contexts.filter(SpanContext::is_sampled).for_each(|context| span.add_link(context));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_becomes_a_remote_context() {
        let context = remote_context(VALID).unwrap();
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled() && context.is_remote());
    }

    #[test]
    fn a_malformed_traceparent_is_ignored() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(remote_context(text), None, "{text}");
        }
    }

    #[test]
    fn a_later_version_may_carry_more_fields() {
        assert!(remote_context(&VALID.replacen("00", "01", 1).replace("-01", "-01-more")).is_some());
    }
}
