//! `GET /metrics`, on an address of its own: operators may read it, and nobody else. It answers in the
//! text format of OpenMetrics, which Prometheus reads.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::http::header::CONTENT_TYPE;
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Response, Route, get, handler};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::health;
use crate::domain::App;
use crate::domain::{Error, emails, sessions};

/// All that the address of metrics answers: health as well, which can be asked for here when clients
/// hold all of the other address's connections.
pub fn metrics_routes(app: Arc<App>) -> impl Endpoint {
    Route::new()
        .at("/metrics", get(read))
        .at("/healthz", get(health::healthz))
        .at("/readyz", get(health::readyz))
        .data(app)
}

#[handler]
async fn read(app: Data<&Arc<App>>) -> Response {
    match text(app.0).await {
        Ok(text) => Response::builder()
            .header(
                CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )
            .body(text),
        Err(error) => {
            error.report("cannot read the metrics");
            StatusCode::SERVICE_UNAVAILABLE.into()
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    status: String,
}

/// The counters of this process, and the state of queue, sessions and password hashing, as it is now.
async fn text(app: &App) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("usher");
    app.metrics.register(&mut registry);
    let queue = Family::<StatusLabels, Gauge>::default();
    for (status, mails) in emails::counts(app).await? {
        let status = format!("{status:?}").to_lowercase();
        queue
            .get_or_create(&StatusLabels { status })
            .set(gauge(mails));
    }
    registry.register("emails", "E-mails in the queue and its history", queue);
    let oldest = emails::oldest_due_age(app).await?.unwrap_or_default();
    for (name, help, value) in [
        (
            "oldest_due_email_age_seconds",
            "How long the oldest due e-mail has been waiting",
            oldest,
        ),
        ("sessions", "Active sessions", sessions::count(app).await?),
        (
            "password_hashes_pending",
            "Passwords being hashed or waiting to be",
            app.passwords.pending() as u64,
        ),
    ] {
        let set: Gauge = Gauge::default();
        set.set(gauge(value));
        registry.register(name, help, set);
    }
    let mut text = String::new();
    encode(&mut text, &registry).map_err(Error::internal)?;
    Ok(text)
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
