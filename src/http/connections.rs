//! Connections: how long each may keep the server waiting. How many there may be stands in `slots`.
//!
//! hyper alone waits for ever for a client that is slow, or silent. Here a connection is closed where
//! its client takes too long to send a request, to take the answer, or to send the next request; a
//! WebSocket or an event stream may be silent for as long as it likes.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use poem::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::config;
use crate::metrics::Stage;

mod slots;

pub use slots::{Slot, Slots};

/// How an HTTP/2 connection begins when its client knows, or believes, that the server speaks it
/// (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The answer to it: no settings, and then GOAWAY with HTTP_1_1_REQUIRED (RFC 9113, section 7).
const HTTP_1_1_REQUIRED: &[u8] = &[
    0, 0, 0, 4, 0, 0, 0, 0, 0, // SETTINGS
    0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, // GOAWAY
];

/// How long a client may take for what.
#[derive(Clone, Copy)]
pub struct Timeouts {
    /// From the first byte of a request to the first of its answer, and for a piece of the answer to
    /// be taken.
    request: Duration,
    /// From an answer to the next request.
    idle: Duration,
}

impl Timeouts {
    /// As the settings say.
    pub fn new(settings: &config::Server) -> Self {
        Self {
            request: settings.request_timeout,
            idle: settings.idle_timeout,
        }
    }
}

/// Among the extensions of a response: both sides may be silent once it has begun, as on a WebSocket or
/// an event stream.
#[derive(Clone, Copy)]
pub struct Lasting;

/// What a connection, which knows bytes only, and whoever serves its requests tell each other.
#[derive(Clone, Default)]
pub struct Exchange(Arc<Mutex<Exchanged>>);

#[derive(Default)]
struct Exchanged {
    /// When a request began whose head has not come to its end.
    first_byte: Option<Instant>,
    /// The request that is being served.
    served: Option<Arrival>,
    /// What the connection waits for after the response that is about to be written, if there is one.
    after_response: Option<WaitsFor>,
}

/// How a request has arrived: among its extensions.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When its first byte came.
    pub first_byte: Instant,
    is_too_slow: Arc<AtomicBool>,
}

impl Arrival {
    /// Whether its connection is closed, because the request took too long.
    pub fn is_too_slow(&self) -> bool {
        self.is_too_slow.load(Ordering::Relaxed)
    }
}

impl Exchange {
    /// The head of a request has been read, and it is served from now on.
    pub fn begin(&self) -> Arrival {
        let mut exchanged = self.lock();
        let arrival = Arrival {
            // It came together with the one before, and was read with that.
            first_byte: exchanged.first_byte.take().unwrap_or_else(Instant::now),
            is_too_slow: Arc::default(),
        };
        exchanged.served = Some(arrival.clone());
        arrival
    }

    /// This response is about to be written.
    pub fn expect(&self, response: &Response) {
        let lasts = response.extensions().get::<Lasting>().is_some();
        let mut exchanged = self.lock();
        exchanged.served = None;
        exchanged.after_response = Some(if lasts {
            WaitsFor::Nothing
        } else {
            WaitsFor::NextRequest
        });
    }

    /// The connection is closed, since a request takes too long. Returns whether nobody serves it yet; whoever
    /// does hears of it.
    fn is_too_slow(&self) -> bool {
        let exchanged = self.lock();
        if let Some(served) = &exchanged.served {
            served.is_too_slow.store(true, Ordering::Relaxed);
        }
        exchanged.first_byte.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Exchanged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection with its time-outs.
pub struct Connection {
    io: TcpStream,
    timeouts: Timeouts,
    exchange: Exchange,
    waits_for: WaitsFor,
    /// Whether nothing has been read yet.
    is_new: bool,
    /// When the client must have sent what the server waits for.
    read_by: Pin<Box<Sleep>>,
    /// When the client must have taken what is written.
    taken_by: Option<Pin<Box<Sleep>>>,
    slot: Slot,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitsFor {
    /// The rest of a request, or the answer to it.
    Request,
    /// The first byte of the next request.
    NextRequest,
    /// Nothing: the connection belongs to a WebSocket or an event stream now.
    Nothing,
}

impl Connection {
    /// A connection that holds this place.
    pub fn new(io: TcpStream, slot: Slot, timeouts: Timeouts) -> Self {
        Self {
            io,
            timeouts,
            exchange: Exchange::default(),
            waits_for: WaitsFor::Request,
            is_new: true,
            read_by: Box::pin(sleep(timeouts.request)),
            taken_by: None,
            slot,
        }
    }

    /// What it and whoever serves its requests tell each other.
    pub fn exchange(&self) -> Exchange {
        self.exchange.clone()
    }

    fn wait_for(&mut self, what: WaitsFor) {
        self.waits_for = what;
        let timeout = match what {
            WaitsFor::Request => self.timeouts.request,
            WaitsFor::NextRequest => self.timeouts.idle,
            WaitsFor::Nothing => return,
        };
        self.read_by.as_mut().reset(Instant::now() + timeout);
    }

    fn has_written(&mut self) {
        self.taken_by = None;
        let expected = self.exchange.lock().after_response.take();
        match expected.unwrap_or(self.waits_for) {
            // `100 Continue` is no response: the client still owes the rest of its request.
            WaitsFor::Request => {}
            what => self.wait_for(what),
        }
    }

    /// Refuses HTTP/2: nothing but a request or its answer may keep a connection open, and there are
    /// many frames that are neither. Browsers never speak it without TLS, nor do proxies unless told.
    fn refuses(&mut self, read: &[u8]) -> bool {
        let refuses = std::mem::take(&mut self.is_new) && read.starts_with(HTTP2_PREFACE);
        if refuses {
            // It has just been opened, so there is room for this; if not, it is no loss.
            let _ = self.io.try_write(HTTP_1_1_REQUIRED);
        }
        refuses
    }

    /// Bytes of a request have come.
    fn has_read(&mut self, is_new: bool) {
        if is_new || self.waits_for == WaitsFor::NextRequest {
            self.exchange.lock().first_byte = Some(Instant::now());
        }
        if self.waits_for == WaitsFor::NextRequest {
            self.wait_for(WaitsFor::Request);
        }
    }

    /// What the client was to send has not come in time.
    fn has_waited_too_long(&self) {
        // Of a connection on which nothing is under way, nobody needs to hear.
        if self.waits_for == WaitsFor::Request && self.exchange.is_too_slow() {
            self.slot.app.metrics.timed_out(Stage::Head);
            let client = self.slot.client;
            tracing::debug!(target: "request", %client, late_at = "head", "not answered: its client was too slow");
        }
    }

    /// What is written has to be taken in time.
    fn poll_taken(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let timeout = self.timeouts.request;
        let taken_by = self
            .taken_by
            .get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(taken_by.as_mut().poll(cx));
        self.slot.app.metrics.timed_out(Stage::Response);
        Poll::Ready(too_slow())
    }
}

fn too_slow() -> Error {
    Error::new(ErrorKind::TimedOut, "the client is too slow")
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let is_new = self.is_new;
        match Pin::new(&mut self.io).poll_read(cx, buffer) {
            Poll::Ready(outcome) => {
                let read = &buffer.filled()[before..];
                if self.refuses(read) {
                    // As if the client had closed it.
                    buffer.set_filled(before);
                } else if !read.is_empty() {
                    self.has_read(is_new);
                }
                Poll::Ready(outcome)
            }
            Poll::Pending if self.waits_for == WaitsFor::Nothing => Poll::Pending,
            Poll::Pending => {
                ready!(self.read_by.as_mut().poll(cx));
                self.has_waited_too_long();
                Poll::Ready(Err(too_slow()))
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        match Pin::new(&mut self.io).poll_write(cx, bytes) {
            Poll::Ready(outcome) => {
                self.has_written();
                Poll::Ready(outcome)
            }
            Poll::Pending => self.poll_taken(cx).map(Err),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        match Pin::new(&mut self.io).poll_write_vectored(cx, pieces) {
            Poll::Ready(outcome) => {
                self.has_written();
                Poll::Ready(outcome)
            }
            Poll::Pending => self.poll_taken(cx).map(Err),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
