//! Serving connections, by HTTP/1.1 alone: it is what proxies speak to a server behind them, and a
//! connection of HTTP/2 could be kept open without a request.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use poem::endpoint::BoxEndpoint;
use poem::http::StatusCode;
use poem::http::header::{CONNECTION, HeaderValue};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Endpoint, EndpointExt, Request, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use super::connections::Slots;
use super::connections::{Connection, Timeouts};
use crate::domain::App;
use crate::seldom::Seldom;

/// How long a request's line and headers may be together, in bytes. Longer ones are answered with
/// status 431.
const MAX_HEAD: usize = 32 * 1024;

/// How long nothing is accepted after the operating system has refused to, such as for lack of file
/// descriptors.
const PAUSE: Duration = Duration::from_secs(1);

/// Answers the requests that come to an address.
pub struct Serving {
    listener: TcpListener,
    routes: BoxEndpoint<'static, Response>,
    slots: Slots,
    timeouts: Timeouts,
    app: Arc<App>,
    /// Says that the operating system refuses connections.
    trouble: Seldom,
}

impl Serving {
    /// Answers what comes to the listener by the routes.
    pub fn new(
        listener: TcpListener,
        routes: impl Endpoint + 'static,
        app: Arc<App>,
        slots: Slots,
    ) -> Self {
        Self {
            listener,
            routes: routes.map_to_response().boxed(),
            timeouts: Timeouts::new(&app.settings.server),
            slots,
            app,
            trouble: Seldom::default(),
        }
    }

    /// Serves until the server stops and the requests under way are answered.
    pub async fn run(self, stop: CancellationToken) {
        let serving = Arc::new(self);
        let give_up = CancellationToken::new();
        loop {
            let connection = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                connection = serving.accept() => connection,
            };
            let Some((connection, remote)) = connection else {
                continue;
            };
            let (serving, stop) = (serving.clone(), stop.clone());
            let given_up = give_up.clone().cancelled_owned();
            tokio::spawn(async move {
                tokio::select! {
                    () = serving.serve(connection, remote, stop) => {}
                    () = given_up => {}
                }
            });
        }
        // WebSockets as well: their clients are told.
        let patience = serving.app.settings.server.shutdown_timeout;
        let all_closed = tokio::time::timeout(patience, serving.slots.all_free());
        if all_closed.await.is_err() {
            give_up.cancel();
        }
    }

    /// The next connection, unless its client has too many.
    async fn accept(&self) -> Option<(Connection, SocketAddr)> {
        let place = self.slots.free().await?;
        let (io, remote) = match self.listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                self.pause_after(&error).await;
                return None;
            }
        };
        let slot = self.slots.admit(place, remote.ip(), &io)?;
        Some((Connection::new(io, slot, self.timeouts), remote))
    }

    async fn serve(&self, connection: Connection, remote: SocketAddr, stop: CancellationToken) {
        let exchange = connection.exchange();
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let local = LocalAddr::default();
            let remote = RemoteAddr(remote.into());
            let mut request = Request::from((request, local, remote, Scheme::HTTP));
            request.extensions_mut().insert(exchange.begin());
            let exchange = exchange.clone();
            async move {
                let mut response = self.routes.get_response(request).await;
                self.say_goodbye(&mut response);
                exchange.expect(&response);
                Ok::<_, Infallible>(hyper::Response::from(response))
            }
        });
        let served = http1::Builder::new()
            .max_header_size(MAX_HEAD)
            // The connection has time-outs of its own.
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(connection), service)
            .with_upgrades();
        let mut served = pin!(served);
        // What ends a connection early is its client's affair.
        tokio::select! {
            _ = &mut served => return,
            () = stop.cancelled() => served.as_mut().graceful_shutdown(),
        }
        let _ = served.await;
    }

    /// A server that is about to stop closes each connection after the answer (RFC 9112, section 9.6). One
    /// that is idle stays open meanwhile: its next request may be on its way.
    fn say_goodbye(&self, response: &mut Response) {
        let is_http = response.status() != StatusCode::SWITCHING_PROTOCOLS;
        if is_http && self.app.draining.is_cancelled() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
    }

    /// A client that has gone again is no reason to wait; what the operating system lacks is.
    async fn pause_after(&self, error: &std::io::Error) {
        let is_the_clients = matches!(
            error.kind(),
            ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionRefused
        );
        if is_the_clients {
            return;
        }
        if self.trouble.is_due() {
            tracing::error!(%error, "cannot accept connections; trying again every second");
        }
        tokio::time::sleep(PAUSE).await;
    }
}
