//! Connections: how many there may be, and how long each may keep the server waiting.
//!
//! hyper, as poem sets it up, waits for ever for the rest of a request's head. Here a connection is
//! closed where its client takes too long to send a request, to take the answer, or to send the next
//! request; a WebSocket or an event stream may be silent for as long as it likes.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::{Acceptor, TcpAcceptor};
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

use crate::config;

/// How far into what is written an answer's head is looked at.
const HEAD: usize = 2048;

/// Accepts no more connections than the settings allow; others wait in the operating system's queue.
pub struct Bounded {
    inner: TcpAcceptor,
    slots: Arc<Semaphore>,
    timeouts: Timeouts,
}

#[derive(Clone, Copy)]
struct Timeouts {
    /// From the first byte of a request to the first of its answer, and for a piece of the answer to
    /// be taken.
    request: Duration,
    /// From an answer to the next request.
    idle: Duration,
}

impl Bounded {
    /// Bounds what the acceptor accepts.
    pub fn new(inner: TcpAcceptor, settings: &config::Server) -> Self {
        Self {
            inner,
            slots: Arc::new(Semaphore::new(settings.max_connections)),
            timeouts: Timeouts {
                request: settings.request_timeout,
                idle: settings.idle_timeout,
            },
        }
    }
}

impl Acceptor for Bounded {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.inner.local_addr()
    }

    async fn accept(&mut self) -> Result<(Connection, LocalAddr, RemoteAddr, Scheme)> {
        let slot = self.slots.clone().acquire_owned().await;
        let slot = slot.map_err(Error::other)?;
        let (io, local, remote, scheme) = self.inner.accept().await?;
        Ok((
            Connection::new(io, slot, self.timeouts),
            local,
            remote,
            scheme,
        ))
    }
}

/// A connection with its time-outs.
pub struct Connection {
    io: TcpStream,
    timeouts: Timeouts,
    waits_for: WaitsFor,
    /// When the client must have sent what the server waits for.
    read_by: Pin<Box<Sleep>>,
    /// When the client must have taken what is written.
    taken_by: Option<Pin<Box<Sleep>>>,
    _slot: OwnedSemaphorePermit,
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
    fn new(io: TcpStream, slot: OwnedSemaphorePermit, timeouts: Timeouts) -> Self {
        Self {
            io,
            timeouts,
            waits_for: WaitsFor::Request,
            read_by: Box::pin(sleep(timeouts.request)),
            taken_by: None,
            _slot: slot,
        }
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

    fn has_written(&mut self, start: &[u8]) {
        self.taken_by = None;
        if self.waits_for == WaitsFor::Nothing {
            return;
        }
        let next = match self.waits_for == WaitsFor::Request && is_endless(start) {
            true => WaitsFor::Nothing,
            false => WaitsFor::NextRequest,
        };
        self.wait_for(next);
    }

    /// What is written has to be taken in time.
    fn poll_taken(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let timeout = self.timeouts.request;
        let taken_by = self
            .taken_by
            .get_or_insert_with(|| Box::pin(sleep(timeout)));
        taken_by.as_mut().poll(cx).map(|()| too_slow())
    }
}

fn too_slow() -> Error {
    Error::new(ErrorKind::TimedOut, "the client is too slow")
}

/// Whether an answer begins here after which both sides may be silent.
fn is_endless(start: &[u8]) -> bool {
    let head = &start[..start.len().min(HEAD)];
    let holds = |part: &[u8]| head.windows(part.len()).any(|bytes| bytes == part);
    head.starts_with(b"HTTP/1.1 101") || holds(b"text/event-stream")
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.io).poll_read(cx, buffer) {
            Poll::Ready(outcome) => {
                if buffer.filled().len() > before && self.waits_for == WaitsFor::NextRequest {
                    self.wait_for(WaitsFor::Request);
                }
                Poll::Ready(outcome)
            }
            Poll::Pending if self.waits_for == WaitsFor::Nothing => Poll::Pending,
            Poll::Pending => {
                ready!(self.read_by.as_mut().poll(cx));
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
                self.has_written(bytes);
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
                self.has_written(pieces.first().map_or(&[], |piece| &**piece));
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
