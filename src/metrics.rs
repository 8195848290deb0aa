//! What this process counts for operators: requests, and e-mails that were sent. How it is shown, and
//! beside what, stands in `http/metrics.rs`.
//!
//! No label is anything that a client could choose: neither names of operations nor addresses.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The counters of this process.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    durations: Histogram,
    sends: Family<SendLabels, Counter>,
    connections: Gauge,
    refused_connections: Counter,
    lost_races: Counter,
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

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            // From half a millisecond to some 16 seconds.
            durations: Histogram::new(exponential_buckets(0.0005, 2.0, 16)),
            sends: Family::default(),
            connections: Gauge::default(),
            refused_connections: Counter::default(),
            lost_races: Counter::default(),
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

    /// Counts a connection as open, until [`disconnected`](Self::disconnected).
    pub fn connected(&self) {
        self.connections.inc();
    }

    /// The reverse of [`connected`](Self::connected).
    pub fn disconnected(&self) {
        self.connections.dec();
    }

    /// A connection was refused, since its client had too many.
    pub fn refused_connection(&self) {
        self.refused_connections.inc();
    }

    /// A change lost a race against another, and is made again.
    pub fn lost_race(&self) {
        self.lost_races.inc();
    }

    /// Puts them among what is shown.
    pub fn register(&self, registry: &mut Registry) {
        let requests = self.requests.clone();
        registry.register("requests", "GraphQL requests answered", requests);
        let help = "Duration of GraphQL requests";
        registry.register("request_duration_seconds", help, self.durations.clone());
        let help = "Attempts to send an e-mail";
        registry.register("email_sends", help, self.sends.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        let help = "Connections refused, since their client had too many";
        let refused = self.refused_connections.clone();
        registry.register("refused_connections", help, refused);
        let help = "Changes that were made again, since the database let another one go first";
        registry.register("lost_races", help, self.lost_races.clone());
    }
}
