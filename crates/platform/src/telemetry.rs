//! Logs, metrics and traces of a process, and the W3C trace context that travels with requests and messages.
//!
//! Logs are JSON lines (or text for people) on standard output. Traces go to an OTLP collector when one is
//! set; without one, trace ids are made all the same, so that logs and deliveries can be joined by them.

use crate::figures;
use crate::log_format::JsonLines;
use crate::log_lines::LogLines;
use contracts::Service;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Link, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SamplingResult, SdkTracerProvider, ShouldSample,
};
use serde::Deserialize;
use std::collections::HashMap;
use std::io;
use std::time::Duration;
use tracing::Level;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};
use url::Url;

/// Never louder than this, whatever the filter says: these libraries log message bodies, and lost connections
/// that `platform-broker` reports itself.
const QUIET: [&str; 3] = ["lapin=off", "h2=warn", "hyper=warn"];
/// How long a collector may take for a batch of spans. Nobody waits for it but the end of the process.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);
const EXPORT_INTERVAL: Duration = Duration::from_secs(1);

/// `[telemetry]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetrySettings {
    pub format: Format,
    /// An `EnvFilter` directive; empty means `info`.
    pub filter: String,
    /// Base URL of an OTLP/HTTP collector, such as `http://localhost:4318`.
    pub otlp_endpoint: Option<Url>,
    /// The share of traces that are recorded, from 0 to 1, where the caller has not decided it.
    pub trace_ratio: f64,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { format: Format::default(), filter: String::new(), otlp_endpoint: None, trace_ratio: 0.01 }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Json,
    Text,
}

/// Why telemetry did not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("telemetry: the log filter is malformed")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("telemetry: the trace exporter cannot be built")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    #[error("telemetry: the metrics recorder cannot be installed")]
    Metrics(#[from] BuildError),
    #[error("telemetry: a log subscriber is installed already")]
    Subscriber(#[from] tracing_subscriber::util::TryInitError),
    #[error("telemetry: the thread that writes the log cannot be started")]
    LogLines(#[from] io::Error),
}

/// The running telemetry of a process.
#[derive(Debug)]
pub struct Telemetry {
    pub metrics: PrometheusHandle,
    traces: SdkTracerProvider,
    lines: LogLines,
}

impl Telemetry {
    /// Starts logs, metrics and traces for the whole process.
    ///
    /// # Errors
    /// When the settings are malformed, or telemetry runs already.
    pub fn start(service: Service, settings: &TelemetrySettings) -> Result<Self, TelemetryError> {
        let traces = tracer_provider(service, settings)?;
        let spans = tracing_opentelemetry::layer()
            .with_tracer(traces.tracer("leadwire"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|metadata| metadata.is_span() || *metadata.level() <= Level::WARN));
        let mut filter =
            EnvFilter::try_new(if settings.filter.is_empty() { "info" } else { &settings.filter })?;
        for directive in QUIET {
            filter = filter.add_directive(directive.parse()?);
        }
        let lines = LogLines::start()?;
        let format = tracing_subscriber::fmt::layer().with_target(true).with_writer(lines.clone());
        let format = match settings.format {
            Format::Json => format.fmt_fields(JsonFields::new()).event_format(JsonLines).boxed(),
            Format::Text => format.compact().boxed(),
        };
        tracing_subscriber::registry().with(filter).with(spans).with(format).try_init()?;
        let metrics = metrics_recorder()?.install_recorder()?;
        figures::show_all(service);
        Ok(Self { metrics, traces, lines })
    }

    /// Sends what is left of the traces. Blocks; call it last.
    pub fn stop(self) {
        if let Err(error) = self.traces.shutdown() {
            tracing::warn!(%error, "some traces were not exported");
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.lines.flush();
    }
}

/// A recorder with the buckets of this project: seconds from half a millisecond to half a minute, and powers of
/// two for what ends in `_size`.
///
/// # Errors
/// Never with these buckets; the library's signature says so.
pub fn metrics_recorder() -> Result<PrometheusBuilder, BuildError> {
    const SECONDS: [f64; 15] =
        [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
    const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
    PrometheusBuilder::new()
        .set_buckets(&SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &SIZES)
}

fn tracer_provider(
    service: Service,
    settings: &TelemetrySettings,
) -> Result<SdkTracerProvider, TelemetryError> {
    let resource = Resource::builder().with_service_name(service.name()).build();
    let of_roots = Linked(Sampler::TraceIdRatioBased(settings.trace_ratio));
    let sampler = Sampler::ParentBased(Box::new(of_roots));
    let builder = SdkTracerProvider::builder().with_resource(resource).with_sampler(sampler);
    let Some(endpoint) = &settings.otlp_endpoint else { return Ok(builder.build()) };
    let traces = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(traces)
        .with_timeout(EXPORT_TIMEOUT)
        .build()?;
    // Spans wait in a queue of 2,048 for a thread that sends them; what finds it full is dropped.
    let batches = BatchConfigBuilder::default().with_scheduled_delay(EXPORT_INTERVAL).build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    Ok(builder.with_span_processor(processor).build())
}

/// Records a root span that is linked to a recorded one, such as the batch that a traced message is in; else as
/// the sampler inside says.
#[derive(Clone, Debug)]
struct Linked(Sampler);

impl ShouldSample for Linked {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let is_linked = links.iter().any(|link| link.span_context.is_sampled());
        let sampler = if is_linked { &Sampler::AlwaysOn } else { &self.0 };
        sampler.should_sample(parent, trace, name, kind, attributes, links)
    }
}

/// The `traceparent` (W3C Trace Context §3.2) of the span that is running now, if it is traced.
pub fn current_traceparent() -> Option<String> {
    traceparent_of(&tracing::Span::current())
}

/// The `traceparent` of a span, if it is traced.
pub fn traceparent_of(span: &tracing::Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    let flags = context.trace_flags() & TraceFlags::SAMPLED;
    context.is_valid().then(|| format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id()))
}

/// The `traceparent` of a span, if it is recorded: to link to it later.
pub fn recorded_traceparent(span: &tracing::Span) -> Option<String> {
    let is_recorded = span.context().span().span_context().is_sampled();
    is_recorded.then(|| traceparent_of(span)).flatten()
}

/// The trace id of a span, for people who join logs.
pub fn trace_id(span: &tracing::Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| context.trace_id().to_string())
}

/// Makes a span, which must not have been entered yet, a child of a remote one. A malformed value is ignored.
pub fn follow(span: &tracing::Span, traceparent: Option<&str>) {
    let Some(traceparent) = traceparent else { return };
    let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract(&carrier);
    if context.span().span_context().is_valid() && span.set_parent(context).is_err() {
        tracing::debug!("tracing is not set up; the remote parent is ignored");
    }
}

/// Links a span to a remote one: for batches and retries, which continue several traces. A malformed value is ignored.
pub fn link(span: &tracing::Span, traceparent: Option<&str>) {
    let Some(traceparent) = traceparent else { return };
    let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract(&carrier);
    if context.span().span_context().is_valid() {
        span.add_link(context.span().span_context().clone());
    }
}

/// What is known of a span's work when it has ended.
#[derive(Debug, Default)]
pub struct Conclusion {
    /// In place of the name that it began with.
    pub name: Option<String>,
    pub attributes: Vec<(&'static str, Value)>,
    /// Why the work failed, if it did. Nothing of a payload.
    pub error: Option<String>,
}

/// Says what came of a span's work, if the span is recorded: for the others nothing is made.
pub fn conclude(span: &tracing::Span, conclusion: impl FnOnce() -> Conclusion) {
    let context = span.context();
    let span = context.span();
    if !span.is_recording() {
        return;
    }
    let Conclusion { name, attributes, error } = conclusion();
    if let Some(name) = name {
        span.update_name(name);
    }
    span.set_attributes(attributes.into_iter().map(|(name, value)| KeyValue::new(name, value)));
    if let Some(error) = error {
        span.set_status(Status::error(error));
    }
}
