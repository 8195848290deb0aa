//! Drives an operation, and measures what it costs.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::http::Connection;
use crate::operations::Operation;
use crate::server::Server;

/// Each caller is answered this many times before anything is measured.
const WARM_UP_REQUESTS: u64 = 3;

/// And all of them are answered for this long, unless the measurement itself is shorter.
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

/// When a measurement began, and what the server had worked until then.
struct Begun {
    at: Instant,
    processor: Duration,
}

impl Begun {
    fn now(server: &Server) -> Self {
        Self {
            at: Instant::now(),
            processor: server.processor_time(),
        }
    }

    /// How much it has worked since.
    fn processor_time(&self, server: &Server) -> Duration {
        server.processor_time() - self.processor
    }
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

    /// Measures for that long, once the server is warm.
    pub async fn measure(&mut self, time: Duration) -> Cost {
        self.warm_up(WARM_UP.min(time)).await;
        let begun = Begun::now(self.server);
        let times = self.drive(Until::Elapsed(time)).await;
        self.cost(&begun, times)
    }

    /// Measures until the server has worked for that long, or ten times as long has gone by: its work is
    /// counted in hundredths of a second, of which a cheap operation takes many requests. The operation
    /// has been answered before; more than that would take long where it is a slow one.
    pub async fn measure_work(&mut self, work: Duration) -> Cost {
        let begun = Begun::now(self.server);
        let (mut times, mut requests) = (Vec::new(), 1);
        while begun.processor_time(self.server) < work && begun.at.elapsed() < 10 * work {
            times.extend(self.drive(Until::Requests(requests)).await);
            // To look costs time, too.
            requests = (requests * 2).min(500);
        }
        self.cost(&begun, times)
    }

    async fn warm_up(&mut self, time: Duration) {
        let least = WARM_UP_REQUESTS * self.connections.len() as u64;
        self.drive(Until::Requests(least)).await;
        self.drive(Until::Elapsed(time)).await;
    }

    fn cost(&self, begun: &Begun, mut times: Vec<Duration>) -> Cost {
        let elapsed = begun.at.elapsed();
        times.sort_unstable();
        let requests = times.len() as f64;
        Cost {
            callers: self.connections.len(),
            requests_per_second: requests / elapsed.as_secs_f64(),
            median: times[times.len() / 2],
            slow: times[times.len() * 99 / 100],
            processor: begun.processor_time(self.server).div_f64(requests),
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
