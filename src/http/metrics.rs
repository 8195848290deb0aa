//! `GET /metrics`, on an address of its own: operators may read it, and nobody else. It answers in the
//! format that the scraper accepts, OpenMetrics or the older text format.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use entity::{Timestamp, email_queue};
use poem::http::StatusCode;
use poem::http::header::{ACCEPT, CONTENT_TYPE};
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Request, Response, Route, get, handler};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::client::TrustedProxies;
use super::graphql_over_http::MAX_PER_USER;
use super::health;
use super::request_log::RequestLog;
use crate::domain::App;
use crate::domain::{Error, emails, sessions};
use crate::metrics::{in_text_format, register_process};

/// How long the database may take to say what it holds. Scrapers give up after 10 seconds by default.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All that the address of metrics answers: health as well, which can be asked for here when clients
/// hold all of the other address's connections.
pub fn metrics_routes(app: Arc<App>, proxies: TrustedProxies) -> impl Endpoint {
    let log = RequestLog::new(app.clone(), proxies);
    Route::new()
        .at("/metrics", get(read))
        .at("/healthz", get(health::healthz))
        .at("/readyz", get(health::readyz))
        .data(app)
        .around(move |next, request| log.clone().around(next, request))
}

#[handler]
async fn read(request: &Request, app: Data<&Arc<App>>) -> Response {
    let stored = tokio::time::timeout(ANSWERS_WITHIN, Stored::read(app.0)).await;
    let stored = match stored {
        Ok(Ok(stored)) => Some(stored),
        Ok(Err(error)) => {
            error.report("cannot read the metrics of the database");
            None
        }
        Err(_) => None,
    };
    let mut text = String::new();
    if let Err(error) = encode(&mut text, &registry(app.0, stored)) {
        tracing::error!(%error, "cannot write the metrics");
        return StatusCode::INTERNAL_SERVER_ERROR.into();
    }
    let (content_type, text) = if accepts_openmetrics(request) {
        (OPENMETRICS, text)
    } else {
        (TEXT_FORMAT, in_text_format(&text))
    };
    Response::builder()
        .header(CONTENT_TYPE, content_type)
        .body(text)
}

/// Prometheus names what it reads, and prefers OpenMetrics where it names that. Whoever names nothing, such as a
/// person, gets what most tools read.
fn accepts_openmetrics(request: &Request) -> bool {
    let accept = request.headers().get_all(ACCEPT).iter();
    accept
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/openmetrics-text"))
}

/// What the database knows.
struct Stored {
    emails: Vec<(entity::email::Status, u64)>,
    oldest_due: Duration,
    queue: email_queue::Model,
    sessions: u64,
}

impl Stored {
    async fn read(app: &App) -> Result<Self, Error> {
        let oldest_due = emails::oldest_due_age(app).await?.unwrap_or_default();
        Ok(Self {
            emails: emails::counts(app).await?,
            oldest_due: Duration::from_secs(oldest_due),
            queue: emails::queue_state(app, app.db.read()).await?,
            sessions: sessions::count(app).await?,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabel {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DatabaseLabel {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
    commit: &'static str,
}

/// The counters of this process, and how things are now. Where the database has not answered, what it knows is
/// left out.
fn registry(app: &App, stored: Option<Stored>) -> Registry {
    let mut all = Registry::default();
    register_process(&mut all);
    let registry = all.sub_registry_with_prefix("usher");
    let build = Info::new(BuildLabels {
        version: env!("CARGO_PKG_VERSION"),
        commit: env!("COMMIT"),
    });
    registry.register("build", "Version and commit of this process", build);
    app.metrics.register(registry);
    register_limits(app, registry);
    register_database(app, registry, stored.is_some());
    if let Some(stored) = stored {
        stored.register(registry);
    }
    all
}

fn register_limits(app: &App, registry: &mut Registry) {
    let server = &app.settings.server;
    for (name, help, value) in [
        (
            "connections_max",
            "Connections that clients may have open; others wait (server.max_connections)",
            server.max_connections,
        ),
        (
            "user_streams_max",
            "WebSockets and event streams that one user may have open",
            MAX_PER_USER,
        ),
        (
            "user_subscriptions_max",
            "Subscriptions that one user may have open",
            MAX_PER_USER,
        ),
        (
            "password_hashes_pending",
            "Passwords that are being hashed or wait for it",
            app.passwords.pending(),
        ),
        (
            "password_hashes_pending_max",
            "Passwords that may be hashed or wait for it; others are refused",
            app.passwords.max_pending(),
        ),
    ] {
        gauge(registry, name, help, value as f64);
    }
}

fn register_database(app: &App, registry: &mut Registry, answers: bool) {
    let help = "Whether the database has answered this scrape in time";
    gauge(registry, "database_up", help, f64::from(u8::from(answers)));
    let kind = app.db.kind();
    let info = Info::new(DatabaseLabel { kind });
    registry.register("database", "Which kind of database there is", info);
    let load = app.db.load();
    let connections = Family::<ConnectionLabel, Gauge>::default();
    for (state, count) in [("used", load.used), ("idle", load.idle)] {
        let label = ConnectionLabel { state };
        connections.get_or_create(&label).set(whole(count as u64));
    }
    let help = "Connections to the database that are in use, and those that are open and idle";
    registry.register("database_connections", help, connections);
    let help = "Connections to the database that there may be";
    gauge(registry, "database_connections_max", help, load.max as f64);
    let help = "Queries and changes that wait for a connection to the database";
    let waiting = load.waiting as f64;
    gauge(registry, "database_connections_waiting", help, waiting);
}

impl Stored {
    fn register(self, registry: &mut Registry) {
        let emails = Family::<StatusLabel, Gauge>::default();
        for (status, count) in self.emails {
            let status = status.name();
            let label = StatusLabel { status };
            emails.get_or_create(&label).set(whole(count));
        }
        let help = "E-mails in the queue and its history, in the whole database";
        registry.register("emails", help, emails);
        let queue = self.queue;
        let flag = |since: Option<Timestamp>| f64::from(u8::from(since.is_some()));
        let seconds = |since: Option<Timestamp>| since.map_or(0.0, |time| time.0 as f64 / 1e6);
        for (name, help, value) in [
            (
                "email_oldest_due_age_seconds",
                "Time since the oldest e-mail that waits has been due; 0 where none is",
                self.oldest_due.as_secs_f64(),
            ),
            (
                "email_queue_paused",
                "Whether somebody has paused the queue",
                flag(queue.paused_at),
            ),
            (
                "email_queue_paused_since_timestamp_seconds",
                "When somebody paused the queue; 0 where nobody has",
                seconds(queue.paused_at),
            ),
            (
                "email_transport_paused",
                "Whether e-mails wait because the transport is unavailable",
                flag(queue.transport_failed_at),
            ),
            (
                "email_transport_paused_since_timestamp_seconds",
                "When the transport became unavailable; 0 where it is not",
                seconds(queue.transport_failed_at),
            ),
            (
                "sessions",
                "Sessions that have not ended, in the whole database",
                self.sessions as f64,
            ),
        ] {
            gauge(registry, name, help, value);
        }
    }
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let set = Gauge::<f64, AtomicU64>::default();
    set.set(value);
    registry.register(name, help, set);
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
