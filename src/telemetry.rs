//! Traces for OpenTelemetry: which spans there are, and how they leave. They are off unless
//! `telemetry.endpoint` is set, and cost nothing then.
//!
//! Whoever does something worth a span makes one of `tracing` for [`TARGET`]. They stand beside the log's own:
//! none of them shows in the log, and `log.filter` does not decide about them.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use secrecy::ExposeSecret;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::config::Telemetry;

mod collector;

use collector::Collector;

/// Of spans that are exported.
pub const TARGET: &str = "otel";

/// How long the collector may take for a batch of spans.
const EXPORTED_WITHIN: Duration = Duration::from_secs(5);

/// How long the last ones may take when the process ends.
const FLUSHED_WITHIN: Duration = Duration::from_secs(5);

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// What exports spans, for the subscriber; nothing where it is off.
///
/// # Errors
///
/// An endpoint, or headers, that cannot be used. The headers are not told: they are secret.
pub fn layer<S>(settings: &Telemetry) -> Result<Option<impl Layer<S> + use<S>>, String>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(endpoint) = &settings.endpoint else {
        return Ok(None);
    };
    let headers = headers(settings)?;
    let endpoint = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new(&endpoint)?)
        .with_endpoint(endpoint)
        .with_headers(headers)
        .with_timeout(EXPORTED_WITHIN)
        .build()
        .map_err(|error| format!("telemetry.endpoint: {error}"))?;
    let sampler = Sampler::TraceIdRatioBased(settings.sampling_ratio);
    let resource = Resource::builder_empty()
        .with_attribute(KeyValue::new("service.name", "usher"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        // Whoever sends a request has decided already whether its trace is kept.
        .with_sampler(Sampler::ParentBased(Box::new(sampler)))
        .with_resource(resource)
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("usher"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false);
    // It is started once.
    let _ = PROVIDER.set(provider);
    Ok(Some(
        layer.with_filter(filter_fn(|span| span.target() == TARGET)),
    ))
}

/// Whether the settings can be used; nothing is opened.
///
/// # Errors
///
/// As for [`layer`].
pub fn check(settings: &Telemetry) -> Result<(), String> {
    let Some(endpoint) = &settings.endpoint else {
        return Ok(());
    };
    headers(settings)?;
    collector::address_of(endpoint).map(drop)
}

/// `name=value` pairs, with commas in between.
fn headers(settings: &Telemetry) -> Result<HashMap<String, String>, String> {
    let text = settings.headers.expose_secret();
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let (name, value) = (name.trim(), value.trim());
            poem::http::HeaderName::from_bytes(name.as_bytes()).ok()?;
            poem::http::HeaderValue::from_str(value).ok()?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect::<Option<_>>()
        .ok_or_else(|| "telemetry.headers: write them as name=value, name=value".to_owned())
}

/// Makes the span the child of one elsewhere: their IDs in hexadecimal digits, and whether that trace is kept.
pub fn set_parent(span: &Span, trace_id: &str, span_id: &str, is_sampled: bool) {
    let ids = (TraceId::from_hex(trace_id), SpanId::from_hex(span_id));
    let (Ok(trace_id), Ok(span_id)) = ids else {
        return;
    };
    let flags = if is_sampled {
        TraceFlags::SAMPLED
    } else {
        TraceFlags::default()
    };
    let parent = SpanContext::new(trace_id, span_id, flags, true, TraceState::default());
    // Where nothing is exported, there is nothing to set.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}

/// The IDs of the span's trace and of the span itself, if it is exported.
pub fn ids_of(span: &Span) -> Option<(String, String)> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let span = context.span();
    let context = span.span_context();
    let ids = || {
        (
            context.trace_id().to_string(),
            context.span_id().to_string(),
        )
    };
    context.is_valid().then(ids)
}

/// Exports the last spans, as the process ends.
pub async fn flush() {
    let Some(provider) = PROVIDER.get() else {
        return;
    };
    // It blocks its thread, while others export.
    let flush = || provider.shutdown_with_timeout(FLUSHED_WITHIN);
    if let Ok(Err(error)) = tokio::task::spawn_blocking(flush).await {
        tracing::warn!(%error, "some spans may be lost");
    }
}
