//! Drives an operation, and measures what it costs.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::http::Connection;
use crate::operations::Operation;
use crate::server::Server;

/// Each caller is at least this many times answered before anything is measured.
const WARM_UP_REQUESTS: u64 = 3;

/// And all of them for this long, unless the operation is measured for a shorter time.
const WARM_UP: Duration = Duration::from_millis(500);

/// What an operation has cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub callers: usize,
    pub requests_per_second: f64,
    /// Half of the requests were answered in this time, and 99 of a hundred.
    pub median: Duration,
    pub slow: Duration,
    /// The server's processor time for one request.
    pub processor: Duration,
    /// The server's resident memory afterwards, in MiB.
    pub mebibytes: f64,
}

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After this long.
    Elapsed(Duration),
    /// After this many requests.
    Requests(u64),
}

/// Sends an operation over as many kept connections as there are callers, and checks each answer.
pub struct Driver<'a> {
    server: &'a Server,
    operation: &'a Operation,
    /// The number of the next request.
    next: &'a Cell<u64>,
    connections: Vec<Connection>,
}

impl<'a> Driver<'a> {
    /// Connects that many callers. `next` counts all requests, so that none is sent twice where each
    /// has to be a new one.
    pub async fn new(
        server: &'a Server,
        operation: &'a Operation,
        callers: usize,
        next: &'a Cell<u64>,
    ) -> Self {
        let opened = join_all((0..callers).map(|_| Connection::open(server.address))).await;
        Self {
            server,
            operation,
            next,
            connections: opened.into_iter().map(Result::unwrap).collect(),
        }
    }

    /// Warms up, and measures.
    pub async fn measure(&mut self, until: Until) -> Cost {
        let callers = self.connections.len();
        let least = WARM_UP_REQUESTS * callers as u64;
        self.drive(Until::Requests(least)).await;
        if let Until::Elapsed(time) = until {
            self.drive(Until::Elapsed(WARM_UP.min(time))).await;
        }
        let (before, begun) = (self.server.processor_time(), Instant::now());
        let mut times = self.drive(until).await;
        let elapsed = begun.elapsed();
        let processor = self.server.processor_time() - before;
        times.sort_unstable();
        let requests = times.len() as f64;
        Cost {
            callers,
            requests_per_second: requests / elapsed.as_secs_f64(),
            median: times[times.len() / 2],
            slow: times[times.len() * 99 / 100],
            processor: processor.div_f64(requests),
            mebibytes: self.server.resident_mebibytes(),
        }
    }

    /// How long each request took.
    pub async fn drive(&mut self, until: Until) -> Vec<Duration> {
        let (begun, first) = (Instant::now(), self.next.get());
        let (next, operation) = (self.next, self.operation);
        let goes_on = || match until {
            Until::Elapsed(time) => begun.elapsed() < time,
            Until::Requests(requests) => next.get() < first + requests,
        };
        let callers = self.connections.iter_mut().map(async |connection| {
            let mut times = Vec::new();
            while goes_on() {
                let number = next.replace(next.get() + 1);
                let request = operation.requests.get(number);
                let sent = Instant::now();
                let answer = connection.send(&request).await;
                times.push(sent.elapsed());
                let name = &operation.name;
                let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}"));
                let is_right = operation.requests.is_answer(number, answer);
                let text = || String::from_utf8_lossy(answer).into_owned();
                assert!(is_right, "{name}: a wrong answer: {}", text());
            }
            times
        });
        join_all(callers).await.concat()
    }
}
