//! What is counted for operators: requests, mails that were sent, and the state of queue, sessions
//! and password hashing, in the text format of OpenMetrics, which Prometheus reads.
//!
//! No label is anything that a client could choose: neither names of operations nor addresses.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::app::App;
use crate::domain::{Error, emails, sessions};

/// The counters of this process.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    durations: Histogram,
    sends: Family<SendLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SendLabels {
    transport: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    status: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            // From half a millisecond to some 16 seconds.
            durations: Histogram::new(exponential_buckets(0.0005, 2.0, 16)),
            sends: Family::default(),
        }
    }
}

impl Metrics {
    /// A request was answered, in that time, where it was to be answered in time.
    pub fn answered(&self, operation: &'static str, outcome: &'static str, took: Option<Duration>) {
        self.requests
            .get_or_create(&RequestLabels { operation, outcome })
            .inc();
        if let Some(took) = took {
            self.durations.observe(took.as_secs_f64());
        }
    }

    /// A transport has tried to send a mail.
    pub fn tried_to_send(&self, transport: &str, outcome: &'static str) {
        let transport = transport.to_owned();
        self.sends
            .get_or_create(&SendLabels { transport, outcome })
            .inc();
    }
}

/// Everything, as it is now.
pub async fn text(app: &App) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("usher");
    let metrics = &app.metrics;
    let requests = metrics.requests.clone();
    registry.register("requests", "GraphQL requests answered", requests);
    registry.register(
        "request_duration_seconds",
        "Duration of GraphQL requests",
        metrics.durations.clone(),
    );
    registry.register(
        "email_sends",
        "Attempts to send an e-mail",
        metrics.sends.clone(),
    );
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
