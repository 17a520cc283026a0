//! Log lines as JSON: one object each, with the trace that it belongs to, the event's fields and those of its span.
//!
//! A busy gateway writes one per request, so nothing is parsed or gathered: the fields of a span are JSON already, and
//! an event's go to the line as they come.

use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, TraceId};
use std::fmt::{self, Debug};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// JSON lines whose first member is `trace_id`, in a span that has one.
#[derive(Debug)]
pub(crate) struct JsonLines;

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Events that come by way of the crate `log` say in their fields where they are from.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        writer.write_char('{')?;
        if let Some(trace) = current() {
            write!(writer, "\"trace_id\":\"{trace}\",")?;
        }
        writer.write_str("\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\",\"level\":\"{}\"", metadata.level())?;
        let mut members = Members { writer: &mut writer, result: Ok(()) };
        event.record(&mut members);
        members.result?;
        writer.write_str(",\"target\":")?;
        quoted(&mut writer, metadata.target())?;
        let span = event.parent().and_then(|id| context.span(id)).or_else(|| context.lookup_current());
        if let Some(span) = span {
            writer.write_str(",\"span\":")?;
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            match fields.and_then(|fields| fields.strip_suffix('}')).filter(|fields| fields.len() > 1) {
                Some(fields) => write!(writer, "{fields},")?,
                None => writer.write_char('{')?,
            }
            writer.write_str("\"name\":")?;
            quoted(&mut writer, span.name())?;
            writer.write_char('}')?;
        }
        writer.write_str("}\n")
    }
}

/// Writes an event's fields, each after a comma.
struct Members<'m, 'w> {
    writer: &'m mut Writer<'w>,
    result: fmt::Result,
}

impl Members<'_, '_> {
    fn member(&mut self, field: &Field, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() && !field.name().starts_with("log.") {
            self.result =
                write!(self.writer, ",\"{}\":", field.name()).and_then(|()| write(&mut *self.writer));
        }
    }
}

impl Visit for Members<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field, |writer| quoted(writer, &format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |writer| quoted(writer, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.member(field, |writer| write!(writer, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no number for the others.
        self.member(field, |writer| {
            if value.is_finite() { write!(writer, "{value}") } else { writer.write_str("null") }
        });
    }
}

/// Text as a JSON string.
fn quoted(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        writer.write_char('"')?;
        writer.write_str(text)?;
        return writer.write_char('"');
    }
    write!(writer, "{}", serde_json::Value::from(text))
}

fn current() -> Option<TraceId> {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| span.trace_id())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines_of(work: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let writer = written.clone();
        let format = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(format), work);
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let objects = written.lines().map(|line| serde_json::from_str(line).unwrap());
        objects
            .map(|mut object: Value| {
                let time = object.as_object_mut().unwrap().shift_remove("timestamp").unwrap();
                assert!(time.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().is_ok(), "{time}");
                object
            })
            .collect()
    }

    #[test]
    fn every_kind_of_field_becomes_json() {
        let error = std::io::Error::other("a \"quoted\"\ncause");
        let lines = lines_of(|| {
            let cause: &dyn std::error::Error = &error;
            tracing::info!(text = "naïve\\\u{1}", shown = %error, debug = ?Some("x"), cause, "said");
            tracing::warn!(
                yes = true,
                down = -3,
                up = u64::MAX,
                share = 0.25,
                none = f64::NAN,
                kept = Some(1)
            );
        });
        let target = module_path!();
        let text = "a \"quoted\"\ncause";
        assert_eq!(
            lines[0],
            json!({"level": "INFO", "message": "said", "text": "naïve\\\u{1}", "shown": text,
                   "debug": "Some(\"x\")", "cause": text, "target": target})
        );
        assert_eq!(
            lines[1],
            json!({"level": "WARN", "yes": true, "down": -3, "up": u64::MAX, "share": 0.25, "none": null, "kept": 1,
                   "target": target})
        );
    }

    #[test]
    fn a_line_has_the_fields_of_its_span() {
        let lines = lines_of(|| {
            tracing::info_span!("bare").in_scope(|| tracing::info!("in it"));
            let span = tracing::info_span!("request", id = "a\"b", later = tracing::field::Empty);
            span.record("later", 7);
            span.in_scope(|| tracing::info!("in it"));
        });
        assert_eq!(lines[0]["span"], json!({"name": "bare"}));
        assert_eq!(lines[1]["span"], json!({"id": "a\"b", "later": 7, "name": "request"}));
    }
}
