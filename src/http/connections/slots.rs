//! How many connections there may be: in all, and from one client.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::App;
use crate::domain::networks::customer_network;
use crate::http::TrustedProxies;
use crate::metrics::Open;
use crate::quota::{Quota, Share};
use crate::seldom::Seldom;

/// How many connections those may have who look after the server. They are few; but who holds them open must
/// not keep the others out.
const OF_OPERATORS: usize = 64;

/// What a client is told that has too many connections, if it listens.
const TOO_MANY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\n\
    Retry-After: 5\r\nConnection: close\r\nContent-Length: 45\r\n\r\n\
    There are too many connections from your IP.\n";

/// How many connections there may be, in all and from one client, and how many there are.
pub struct Slots {
    places: Arc<Semaphore>,
    in_all: u32,
    clients: Quota<String>,
    per_client: usize,
    /// All of the clients behind a proxy have its address.
    proxies: TrustedProxies,
    app: Arc<App>,
    are_clients: bool,
    refusal: Seldom,
}

/// The place that a connection holds until it is dropped.
pub struct Slot {
    _place: OwnedSemaphorePermit,
    _share: Option<Share<String>>,
    /// Counted for operators, unless it is one of their own.
    _open: Option<Open>,
    /// Who holds it.
    pub(super) client: IpAddr,
    pub(super) app: Arc<App>,
}

impl Slots {
    /// As many as the settings allow.
    pub fn for_clients(app: Arc<App>, proxies: TrustedProxies) -> Self {
        let settings = &app.settings.server;
        let (in_all, per_client) = (
            settings.max_connections,
            settings.max_connections_per_client,
        );
        Self {
            are_clients: true,
            ..Self::new(app, proxies, in_all, per_client)
        }
    }

    /// A few, beside those of the clients.
    pub fn for_operators(app: Arc<App>) -> Self {
        Self::new(app, TrustedProxies::default(), OF_OPERATORS, OF_OPERATORS)
    }

    fn new(app: Arc<App>, proxies: TrustedProxies, in_all: usize, per_client: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(in_all)),
            in_all: u32::try_from(in_all).unwrap_or(u32::MAX),
            clients: Quota::default(),
            per_client,
            proxies,
            app,
            are_clients: false,
            refusal: Seldom::default(),
        }
    }

    /// Waits until there is a place for one more connection; others wait in the operating system's
    /// queue meanwhile.
    pub async fn free(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }

    /// Waits until no connection is left, in a server that accepts no more.
    pub async fn all_free(&self) {
        // It is at most a million: the settings are checked.
        let _ = self.places.acquire_many(self.in_all).await;
    }

    /// Gives the place to a client. One that has as many as it may is told so and is not waited for:
    /// `None`.
    pub fn admit(
        &self,
        place: OwnedSemaphorePermit,
        client: IpAddr,
        io: &TcpStream,
    ) -> Option<Slot> {
        let mut share = None;
        if !self.proxies.trusts(client) {
            share = self.clients.take(customer_network(client), self.per_client);
            if share.is_none() {
                self.app.metrics.refused_connection();
                self.log_refusal(client);
                // It has just been accepted, so there is room for this; if not, it is no loss.
                let _ = io.try_write(TOO_MANY);
                return None;
            }
        }
        Some(Slot {
            _place: place,
            _share: share,
            _open: self.are_clients.then(|| self.app.metrics.connection()),
            client,
            app: self.app.clone(),
        })
    }

    fn log_refusal(&self, client: IpAddr) {
        if self.refusal.is_due() {
            tracing::warn!(
                %client,
                "refused a connection: the client has server.max_connections_per_client; if it is a proxy, add it to server.trusted_proxies"
            );
        }
    }
}
