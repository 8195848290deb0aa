//! A request's identifier, in the response's `X-Request-Id` and on every line that the request leaves in
//! the log; and the one line that tells how it ended, beside the metrics that count it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use tracing::{Instrument, Level, Span, field};
use uuid::Uuid;

use super::client::TrustedProxies;
use super::connections::Arrival;
use super::progress::Progress;
use super::trace_context::TraceContext;
use crate::domain::App;
use crate::metrics::{Handler, Stage, StatusClass};
use crate::telemetry;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest identifier that is taken over from a proxy.
const MAX_ID: usize = 128;

/// The longest path and method that are written down: a client may choose them.
const MAX_PATH: usize = 200;
const MAX_METHOD: usize = 20;

/// Writes the lines.
#[derive(Clone)]
pub struct RequestLog {
    app: Arc<App>,
    proxies: TrustedProxies,
}

/// The line of a request, written when this is dropped: also where the client has gone, or was too slow.
struct Line {
    app: Arc<App>,
    progress: Arc<Progress>,
    handler: Handler,
    client: Option<IpAddr>,
    span: Span,
    status: Option<StatusCode>,
}

impl RequestLog {
    /// Believes these proxies what identifier a request has.
    pub fn new(app: Arc<App>, proxies: TrustedProxies) -> Self {
        Self { app, proxies }
    }

    /// Gives the request an identifier, and says how it has ended.
    pub async fn around<E: Endpoint>(self, next: Arc<E>, mut request: Request) -> Result<Response> {
        let arrival = request.extensions().get::<Arrival>().cloned();
        let progress = Arc::new(Progress::new(self.id_of(&request), arrival));
        request.extensions_mut().insert(progress.clone());
        let method = bounded(request.method().as_str(), MAX_METHOD);
        let path = bounded(request.uri().path(), MAX_PATH);
        let id = &*progress.id;
        let span = tracing::info_span!(
            "request",
            id,
            method,
            path,
            trace_id = field::Empty,
            span_id = field::Empty
        );
        let exported = tracing::info_span!(
            target: telemetry::TARGET,
            "request",
            otel.kind = "server",
            http.request.method = method,
            url.path = path,
            usher.request_id = id,
            http.response.status_code = field::Empty,
            otel.status_code = field::Empty
        );
        let context = TraceContext::of(request.headers());
        if let Some(context) = context {
            let (trace, parent) = (context.trace_id(), context.span_id());
            telemetry::set_parent(&exported, trace, parent, context.is_sampled());
        }
        // The parent's, where there is no span of its own.
        let of_parent = |context: TraceContext<'_>| {
            (context.trace_id().to_owned(), context.span_id().to_owned())
        };
        let ids = telemetry::ids_of(&exported).or_else(|| context.map(of_parent));
        if let Some((trace_id, span_id)) = ids {
            span.record("trace_id", trace_id);
            span.record("span_id", span_id);
        }
        let mut line = Line {
            app: self.app.clone(),
            handler: handler_of(path),
            client: self.proxies.client(&request).ip_address,
            span: span.clone(),
            status: None,
            progress: progress.clone(),
        };
        let served = next.call(request).instrument(exported.clone());
        let mut response = match served.instrument(span).await {
            Ok(response) => response.into_response(),
            Err(error) => error.into_response(),
        };
        if let Ok(value) = HeaderValue::from_str(&progress.id) {
            response.headers_mut().insert(HEADER, value);
        }
        let status = response.status();
        exported.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            exported.record("otel.status_code", "ERROR");
        }
        line.status = Some(status);
        Ok(response)
    }

    /// The identifier that a trusted proxy has given the request, or a new one.
    fn id_of(&self, request: &Request) -> String {
        let peer = request.remote_addr().as_socket_addr().map(|peer| peer.ip());
        let is_trusted = peer.is_some_and(|peer| self.proxies.trusts(peer));
        let given = is_trusted.then(|| given_id(request.headers())).flatten();
        #[allow(
            clippy::disallowed_methods,
            reason = "it only has to differ from all others"
        )]
        let new = || Uuid::now_v7().simple().to_string();
        given.map_or_else(new, str::to_owned)
    }
}

/// The identifier in the header, if it is one that may be repeated anywhere: a token (RFC 9110, section
/// 5.6.2) or in base64, and not too long.
fn given_id(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(HEADER).iter();
    let (id, None) = (given.next()?.to_str().ok()?, given.next()) else {
        return None;
    };
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/=:@".contains(&byte);
    let is_sane = !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(is_fit);
    is_sane.then_some(id)
}

impl Drop for Line {
    fn drop(&mut self) {
        let took = self.progress.begun.elapsed();
        let metrics = &self.app.metrics;
        metrics.request_ended(self.handler, class_of(self.status), took);
        let late = self.progress.late_at();
        if let Some(stage) = late {
            metrics.timed_out(stage);
        }
        self.span.in_scope(|| self.write(took, late));
    }
}

impl Line {
    fn write(&self, took: Duration, late: Option<Stage>) {
        let is_the_servers = matches!(late, Some(Stage::Session | Stage::Execution))
            || self.status == Some(StatusCode::INTERNAL_SERVER_ERROR);
        if !is_the_servers && !tracing::enabled!(target: "request", Level::DEBUG) {
            return;
        }
        let told = self.progress.told();
        // What is empty is left out.
        let some = |text: String| (!text.is_empty()).then_some(text);
        let (operations, outcomes) = (some(told.operations), some(told.outcomes));
        let codes = some(told.codes);
        let client = self.client.map(field::display);
        let status = self.status.map(|status| status.as_u16());
        let duration_ms = took.as_secs_f64() * 1_000.0;
        let late_at = late.map(Stage::as_str);
        macro_rules! line {
            ($level:ident, $words:literal) => {
                tracing::$level!(
                    target: "request",
                    status, duration_ms, client, operations, outcomes, codes, late_at, $words
                )
            };
        }
        match self.status {
            Some(StatusCode::INTERNAL_SERVER_ERROR) => line!(error, "a request failed"),
            // It was the server that took too long: its operator wants to know.
            _ if is_the_servers => line!(warn, "a request took too long"),
            Some(_) => line!(debug, "answered"),
            None => line!(debug, "not answered: its client has gone, or was too slow"),
        }
    }
}

fn bounded(text: &str, most: usize) -> &str {
    text.char_indices()
        .nth(most)
        .map_or(text, |(end, _)| &text[..end])
}

fn handler_of(path: &str) -> Handler {
    match path.split('/').nth(1) {
        Some("graphql") => Handler::GraphQl,
        Some("playground") => Handler::Playground,
        Some("emails") => Handler::EmailFiles,
        Some("healthz" | "readyz") => Handler::Health,
        Some("metrics") => Handler::Metrics,
        _ => Handler::Pages,
    }
}

fn class_of(status: Option<StatusCode>) -> StatusClass {
    match status.map(|status| status.as_u16() / 100) {
        None => StatusClass::None,
        Some(1) => StatusClass::Informational,
        Some(2) => StatusClass::Successful,
        Some(3) => StatusClass::Redirection,
        Some(4) => StatusClass::ClientError,
        Some(_) => StatusClass::ServerError,
    }
}
