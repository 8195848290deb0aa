//! What lies between a server and its database: a network that can fail in several ways.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How the network does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// It passes everything on.
    Passes,
    /// It is as if the database had stopped: connections end, and none begins.
    Refuses,
    /// It is as if the database were frozen: connections begin, and nothing is said on any.
    Hangs,
    /// It is as if a load balancer had no database left behind it: connections begin, and end at once.
    Closes,
    /// All connections end, and new ones begin.
    Cuts(u32),
    /// The connection on which this was said ends when its transaction has been committed, before anybody
    /// hears of that.
    CutsAfterCommitOf(&'static str),
    /// The same, before the database hears of it.
    CutsBeforeCommitOf(&'static str),
    /// It hangs from when the transaction in which this was said is being committed.
    HangsAtCommitOf(&'static str),
}

/// A proxy in front of a database server.
pub struct Proxy {
    address: SocketAddr,
    network: Arc<watch::Sender<Network>>,
    _serving: AbortOnDropHandle<()>,
}

impl Proxy {
    /// In front of whatever listens there.
    pub async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let network = Arc::new(watch::Sender::new(Network::Passes));
        let serving = tokio::spawn(serve(listener, target, network.clone()));
        Self {
            address,
            network,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, the network does so. Returns when it does.
    pub async fn network(&self, network: Network) {
        let refuses = network == Network::Refuses;
        self.network.send_replace(network);
        let is_so = async {
            while TcpStream::connect(self.address).await.is_err() != refuses {
                tokio::task::yield_now().await;
            }
        };
        super::within("the network to change", is_so).await;
    }
}

async fn serve(listener: TcpListener, target: String, network: Arc<watch::Sender<Network>>) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    let mut state = network.subscribe();
    loop {
        let refuses = *state.borrow_and_update() == Network::Refuses;
        if refuses {
            listener = None;
            state.changed().await.unwrap();
            continue;
        }
        let listening = listener.get_or_insert_with(|| listen(address));
        tokio::select! {
            _ = state.changed() => {}
            accepted = listening.accept() => {
                let (client, _) = accepted.unwrap();
                tokio::spawn(connect(client, target.clone(), network.clone()));
            }
        }
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(100).unwrap()
}

/// One connection, until it is cut or either side ends it.
async fn connect(client: TcpStream, target: String, network: Arc<watch::Sender<Network>>) {
    let mut state = network.subscribe();
    let begun = state.borrow_and_update().clone();
    if begun == Network::Closes {
        return;
    }
    let cut = async {
        let is_cut = |now: &Network| {
            matches!(now, Network::Refuses | Network::Closes | Network::Cuts(_)) && *now != begun
        };
        let _ = state.wait_for(is_cut).await;
    };
    let pass = async {
        // A server that is frozen accepts what its system accepts for it.
        passes(&network).await;
        let Ok(server) = TcpStream::connect(target).await else {
            return;
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = requests(from_client, to_server, &network) => {}
            () = answers(from_server, to_client, &network) => {}
        }
    };
    tokio::select! {
        () = cut => {}
        () = pass => {}
    }
}

async fn passes(network: &watch::Sender<Network>) {
    let mut state = network.subscribe();
    let _ = state.wait_for(|now| *now != Network::Hangs).await;
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    network: &watch::Sender<Network>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        passes(network).await;
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    network: &watch::Sender<Network>,
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut was_said = false;
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        passes(network).await;
        let bytes = &buffer[..read];
        let now = network.borrow().clone();
        if let Network::CutsAfterCommitOf(what)
        | Network::CutsBeforeCommitOf(what)
        | Network::HangsAtCommitOf(what) = now
        {
            was_said |= contains(bytes, what);
            if was_said && contains(bytes, "COMMIT") {
                match now {
                    Network::HangsAtCommitOf(_) => {
                        network.send_replace(Network::Hangs);
                        passes(network).await;
                    }
                    Network::CutsAfterCommitOf(_) => {
                        to.write_all(bytes).await.unwrap();
                        // Ended in order, the connection ends on the other side when all was done.
                        to.shutdown().await.unwrap();
                        network.send_replace(Network::Passes);
                        return;
                    }
                    _ => {
                        network.send_replace(Network::Passes);
                        return;
                    }
                }
            }
        }
        if read == 0 || to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

fn contains(bytes: &[u8], what: &str) -> bool {
    bytes
        .windows(what.len())
        .any(|part| part == what.as_bytes())
}
