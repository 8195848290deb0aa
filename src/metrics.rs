//! What this process counts for operators. How it is shown, and beside what, stands in
//! `http/metrics.rs`; which labels there are, in `labels.rs`.
//!
//! No label is anything that a client could choose: neither names of operations nor addresses.

use std::hash::Hash;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

mod labels;
mod process;
mod text;

pub use labels::{
    Attempt, Handler, Label, Operation, Outcome, SignIn, Stage, StatusClass, Stream, Throttled,
};
pub use process::register as register_process;
pub use text::in_text_format;

/// The counters of this process.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    request_durations: Durations<HandlerLabel>,
    timed_out: Family<StageLabel, Counter>,
    operations: Family<OperationLabels, Counter>,
    operation_durations: Durations<OperationLabel>,
    connections: Gauge,
    refused_connections: Counter,
    streams: Family<StreamLabel, Gauge>,
    subscriptions: Gauge,
    sign_ins: Family<SignInLabel, Counter>,
    throttled: Family<ThrottledLabel, Counter>,
    permission_refusals: Counter,
    lost_races: Counter,
    attempts: Family<AttemptLabels, Counter>,
    worker_turn: Gauge<f64, AtomicU64>,
}

/// Histograms of how long something took.
type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    handler: Handler,
    code: StatusClass,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandlerLabel {
    handler: Handler,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: Operation,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    operation: Operation,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StreamLabel {
    kind: Stream,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignInLabel {
    outcome: SignIn,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ThrottledLabel {
    kind: Throttled,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    transport: String,
    outcome: Attempt,
}

/// Something that is open, and counts as such until this is dropped.
#[derive(Debug)]
pub struct Open(Gauge);

impl Open {
    fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// From half a millisecond to some 16 seconds.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
}

/// Shows it from now on, at zero.
fn begin<L, M, C>(family: &Family<L, M, C>, labels: L)
where
    L: Clone + Eq + Hash,
    M: Clone,
    C: MetricConstructor<M>,
{
    drop(family.get_or_create(&labels));
}

impl Metrics {
    /// Nothing has happened yet. Attempts are counted for these transports from the start.
    pub fn new<'a>(transports: impl IntoIterator<Item = &'a str>) -> Self {
        let metrics = Self {
            requests: Family::default(),
            request_durations: Family::new_with_constructor(durations),
            timed_out: Family::default(),
            operations: Family::default(),
            operation_durations: Family::new_with_constructor(durations),
            connections: Gauge::default(),
            refused_connections: Counter::default(),
            streams: Family::default(),
            subscriptions: Gauge::default(),
            sign_ins: Family::default(),
            throttled: Family::default(),
            permission_refusals: Counter::default(),
            lost_races: Counter::default(),
            attempts: Family::default(),
            worker_turn: Gauge::default(),
        };
        metrics.begin_at_zero();
        for transport in transports {
            for &outcome in Attempt::ALL {
                let transport = transport.to_owned();
                begin(&metrics.attempts, AttemptLabels { transport, outcome });
            }
        }
        metrics
    }

    /// A rate needs a value from before the first event.
    fn begin_at_zero(&self) {
        for &handler in Handler::ALL {
            begin(&self.request_durations, HandlerLabel { handler });
            for &code in StatusClass::ALL {
                begin(&self.requests, RequestLabels { handler, code });
            }
        }
        for &operation in Operation::ALL {
            if operation != Operation::None {
                begin(&self.operation_durations, OperationLabel { operation });
            }
            for &outcome in Outcome::ALL {
                begin(&self.operations, OperationLabels { operation, outcome });
            }
        }
        for &stage in Stage::ALL {
            begin(&self.timed_out, StageLabel { stage });
        }
        for &kind in Stream::ALL {
            begin(&self.streams, StreamLabel { kind });
        }
        for &outcome in SignIn::ALL {
            begin(&self.sign_ins, SignInLabel { outcome });
        }
        for &kind in Throttled::ALL {
            begin(&self.throttled, ThrottledLabel { kind });
        }
    }

    /// A request has come to its end, so long after its first byte.
    pub fn request_ended(&self, handler: Handler, code: StatusClass, took: Duration) {
        let labels = RequestLabels { handler, code };
        self.requests.get_or_create(&labels).inc();
        self.request_durations
            .get_or_create(&HandlerLabel { handler })
            .observe(took.as_secs_f64());
    }

    /// A request's time has run out.
    pub fn timed_out(&self, stage: Stage) {
        self.timed_out.get_or_create(&StageLabel { stage }).inc();
    }

    /// An operation has come to its end.
    pub fn operation_ended(&self, operation: Operation, outcome: Outcome) {
        let labels = OperationLabels { operation, outcome };
        self.operations.get_or_create(&labels).inc();
    }

    /// A query or a mutation has taken so long, from the first byte of its request on; or it took so long
    /// until a subscription had begun.
    pub fn operation_took(&self, operation: Operation, took: Duration) {
        self.operation_durations
            .get_or_create(&OperationLabel { operation })
            .observe(took.as_secs_f64());
    }

    /// A connection is open.
    pub fn connection(&self) -> Open {
        Open::of(&self.connections)
    }

    /// A connection was refused, since its client had too many.
    pub fn refused_connection(&self) {
        self.refused_connections.inc();
    }

    /// A stream is open.
    pub fn stream(&self, kind: Stream) -> Open {
        Open::of(&self.streams.get_or_create(&StreamLabel { kind }))
    }

    /// A subscription is open.
    pub fn subscription(&self) -> Open {
        Open::of(&self.subscriptions)
    }

    /// Somebody has tried to sign in.
    pub fn signed_in(&self, outcome: SignIn) {
        self.sign_ins.get_or_create(&SignInLabel { outcome }).inc();
    }

    /// Somebody has to wait, since they did something too often.
    pub fn throttled(&self, kind: Throttled) {
        self.throttled.get_or_create(&ThrottledLabel { kind }).inc();
    }

    /// Somebody lacks a permission.
    pub fn refused_for_want_of_permission(&self) {
        self.permission_refusals.inc();
    }

    /// A change lost a race against another, and is made again.
    pub fn lost_race(&self) {
        self.lost_races.inc();
    }

    /// A transport has tried to send an e-mail.
    pub fn tried_to_send(&self, transport: &str, outcome: Attempt) {
        let transport = transport.to_owned();
        self.attempts
            .get_or_create(&AttemptLabels { transport, outcome })
            .inc();
    }

    /// The mail worker has asked the database what there is to do, and has done it, at that time: seconds
    /// since 1970.
    pub fn worker_took_turn(&self, at: f64) {
        self.worker_turn.set(at);
    }

    /// Puts them among what is shown.
    pub fn register(&self, registry: &mut Registry) {
        self.register_requests(registry);
        self.register_connections(registry);
        registry.register(
            "sign_ins",
            "Sign-ins with a password, by what became of them",
            self.sign_ins.clone(),
        );
        registry.register(
            "throttled_attempts",
            "Attempts that were refused because there had been too many of their kind",
            self.throttled.clone(),
        );
        registry.register(
            "permission_refusals",
            "Operations that were refused because the user lacks a permission",
            self.permission_refusals.clone(),
        );
        registry.register(
            "database_lost_races",
            "Changes that were made again because the database let another one go first",
            self.lost_races.clone(),
        );
        registry.register(
            "email_attempts",
            "Attempts to send an e-mail, by what became of them",
            self.attempts.clone(),
        );
        registry.register(
            "email_worker_last_turn_timestamp_seconds",
            "When the mail worker of this process last asked the queue what there is to do, and did it; 0 where it never has",
            self.worker_turn.clone(),
        );
    }

    fn register_requests(&self, registry: &mut Registry) {
        registry.register(
            "http_requests",
            "HTTP requests that have come to their end, by what the status says",
            self.requests.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time from the first byte of an HTTP request to its response",
            self.request_durations.clone(),
        );
        registry.register(
            "http_requests_timed_out",
            "HTTP requests whose time ran out, by what they waited for",
            self.timed_out.clone(),
        );
        registry.register(
            "graphql_operations",
            "GraphQL operations that have come to their end",
            self.operations.clone(),
        );
        registry.register(
            "graphql_operation_duration_seconds",
            "Time from the first byte of a request until its query or mutation was executed, or its subscription had begun",
            self.operation_durations.clone(),
        );
    }

    fn register_connections(&self, registry: &mut Registry) {
        registry.register(
            "connections",
            "Connections that clients have open",
            self.connections.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections that were refused because their client had too many",
            self.refused_connections.clone(),
        );
        registry.register(
            "streams",
            "WebSockets and event streams that are open",
            self.streams.clone(),
        );
        registry.register(
            "subscriptions",
            "Subscriptions that are open, on whichever stream",
            self.subscriptions.clone(),
        );
    }
}
