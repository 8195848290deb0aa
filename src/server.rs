//! The server as a whole: from settings to a running process, and to its end.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use transports::{Registry, Renewable, Transport};

use crate::config::Config;
use crate::database::{Database, Lock, OpenError};
use crate::domain::App;
use crate::domain::recovery::{self, Keep, Recovered};
use crate::domain::setup::{self, Setup};
use crate::http::serving::{Serving, Slots};
use crate::http::{AllowedOrigins, TrustedProxies};
use crate::log::Spans;
use crate::{http, log, mail, telemetry};

mod reload;
mod upkeep;

/// Why a server did not start: a sentence that says what is wrong and where.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

/// Which part of a server runs in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessRole {
    /// All of it.
    All,
    /// Requests are answered; the e-mails are left to a worker in another process.
    Web,
    /// Mails are sent, and nothing is listened to.
    Worker,
}

/// A server that answers.
#[derive(Debug)]
pub struct Server {
    /// What all of its tasks share.
    pub app: Arc<App>,
    /// Where it listens, if it does.
    pub address: SocketAddr,
    /// Where it serves metrics, if it does.
    pub metrics_address: Option<SocketAddr>,
    /// How many migrations the database lacked.
    pub migrated: usize,
    /// What it found, or did, about its first administrator.
    pub setup: Setup,
    transport: Arc<Renewable>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    /// Keeps other servers off a database that takes one at a time.
    _lock: Option<Lock>,
}

/// Opens the database and puts the application together, for the server and for its commands.
///
/// # Errors
///
/// What cannot be used of the settings, and a database that cannot be opened.
pub async fn open(settings: Config) -> Result<(Arc<App>, usize), StartError> {
    Database::prepare(&settings.database).map_err(|error| StartError(error.to_string()))?;
    let app = App::open(settings).await.map_err(StartError)?;
    let migrated = app
        .db
        .migrate()
        .await
        .map_err(|error| StartError(format!("database: {error}")))?;
    Ok((Arc::new(app), migrated))
}

/// Opens the server's database for a command that helps the server's operators, and changes nothing
/// about it.
///
/// # Errors
///
/// As for [`open`], and a database that is not there, is empty, or has another version's schema.
pub async fn open_existing(settings: Config) -> Result<Arc<App>, StartError> {
    let refused = |error: OpenError| StartError(error.to_string());
    Database::must_exist(&settings.database).map_err(refused)?;
    Database::prepare(&settings.database).map_err(refused)?;
    let app = App::open(settings).await.map_err(StartError)?;
    app.db
        .must_be_migrated(&app.settings.database)
        .await
        .map_err(refused)?;
    Ok(Arc::new(app))
}

/// Opens a database that was just restored, brings its schema up to date, and changes what the past must
/// not bring back.
///
/// # Errors
///
/// As for [`open_existing`], except that the schema may be an older version's.
pub async fn recover(settings: Config, keep: Keep) -> Result<Recovered, StartError> {
    let refused = |error: OpenError| StartError(error.to_string());
    Database::must_exist(&settings.database).map_err(refused)?;
    Database::prepare(&settings.database).map_err(refused)?;
    let _lock = Database::lock(&settings.database).map_err(refused)?;
    let app = App::open(settings).await.map_err(StartError)?;
    app.db
        .must_not_be_empty(&app.settings.database)
        .await
        .map_err(refused)?;
    let failed = |error: &dyn std::fmt::Display| StartError(format!("database: {error}"));
    app.db.migrate().await.map_err(|error| failed(&error))?;
    let recovered = recovery::run(&app, keep)
        .await
        .map_err(|error| StartError(format!("database: {}", error.explained())))?;
    app.db.close().await.map_err(|error| failed(&error))?;
    Ok(recovered)
}

/// Whether a server could start with these settings, as far as that can be said without opening
/// anything. Each start begins with it.
///
/// # Errors
///
/// All that is wrong with them at once, in sentences that name the keys.
pub fn check(settings: &Config, registry: &Registry) -> Result<(), Vec<String>> {
    let transport = registry.build(&settings.mail.transport, &settings.mail.transports);
    let proxies = TrustedProxies::new(&settings.server.trusted_proxies);
    let origins = AllowedOrigins::new(&settings.server);
    let log = log::filter::<tracing_subscriber::Registry>(&settings.log.filter, Spans::NotMade);
    let mut problems = settings.problems();
    let parts = App::check(settings).err().into_iter().flatten();
    let others = transport.err().map(|error| error.to_string());
    // An address of no known kind is among the problems.
    let is_readable = !problems
        .iter()
        .any(|problem| problem.starts_with("database.url: "));
    let database = Database::check(&settings.database)
        .err()
        .filter(|_| is_readable);
    for problem in others
        .into_iter()
        .chain(parts)
        .chain(proxies.err())
        .chain(origins.err().into_iter().flatten())
        .chain(log.err())
        .chain(telemetry::check(&settings.telemetry).err())
        .chain(database.map(|problem| format!("database.url: {problem}")))
    {
        // A part may refuse what the settings were refused for already.
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

impl Server {
    /// Starts a server with the transports that the registry knows.
    ///
    /// # Errors
    ///
    /// A taken port, settings that cannot be used, a database that cannot be opened or migrated.
    pub async fn start(settings: Config, registry: &Registry) -> Result<Self, StartError> {
        Self::start_as(settings, registry, ProcessRole::All).await
    }

    /// Starts a server, or one part of it, with the transports that the registry knows.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub async fn start_as(
        settings: Config,
        registry: &Registry,
        role: ProcessRole,
    ) -> Result<Self, StartError> {
        // Whatever can be refused is refused before anything is changed.
        check(&settings, registry).map_err(|problems| StartError(problems.join("\n")))?;
        let socket = match role {
            ProcessRole::Worker => {
                // A worker alone has nothing to do on a database that it would create.
                Database::must_exist(&settings.database)
                    .map_err(|error| StartError(error.to_string()))?;
                None
            }
            ProcessRole::All | ProcessRole::Web => {
                Some(Socket::bind("server.bind", settings.server.bind).await?)
            }
        };
        Self::start_on(settings, registry, role, socket).await
    }

    /// Starts a server that answers there, or one that only sends e-mails. The future is in a box: of what nests as
    /// deeply as all that is in it, the compiler computes the layout only where a crate raises its `recursion_limit`,
    /// and no program that has a server need do that.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn start_on(
        settings: Config,
        registry: &Registry,
        role: ProcessRole,
        socket: Option<Socket>,
    ) -> BoxFuture<'_, Result<Self, StartError>> {
        Box::pin(Self::begin(settings, registry, role, socket))
    }

    async fn begin(
        settings: Config,
        registry: &Registry,
        role: ProcessRole,
        socket: Option<Socket>,
    ) -> Result<Self, StartError> {
        let transport = registry
            .build(&settings.mail.transport, &settings.mail.transports)
            .map_err(|error| StartError(error.to_string()))?;
        let transport = Arc::new(Renewable::new(transport));
        let address = match &socket {
            Some(socket) => socket.address,
            None => settings.server.bind,
        };
        let metrics = match settings.metrics.bind {
            Some(address) => Some(Socket::bind("metrics.bind", address).await?),
            None => None,
        };
        let refused = |error: OpenError| StartError(error.to_string());
        Database::prepare(&settings.database).map_err(refused)?;
        let lock = Database::lock(&settings.database).map_err(refused)?;
        let (app, migrated) = open(settings).await?;
        let routes =
            http::routes(app.clone()).map_err(|problems| StartError(problems.join("\n")))?;
        let setup = setup::run(&app)
            .await
            .map_err(|error| StartError(format!("database: {}", error.explained())))?;

        let stop = app.stopping.clone();
        let proxies =
            TrustedProxies::new(&app.settings.server.trusted_proxies).map_err(StartError)?;
        let mut tasks = Vec::new();
        match role {
            ProcessRole::All | ProcessRole::Worker => {
                tasks.push(spawn_worker(app.clone(), transport.clone(), stop.clone()));
            }
            ProcessRole::Web => app.leave_mails_to_others(),
        }
        if let Some(socket) = socket {
            let slots = Slots::for_clients(app.clone(), proxies.clone());
            let serving = Serving::new(socket.listener, routes, app.clone(), slots);
            tasks.push(tokio::spawn(serving.run(stop.clone())));
        }
        tasks.push(tokio::spawn(upkeep::follow_the_database(
            app.clone(),
            stop.clone(),
        )));
        tasks.push(tokio::spawn(upkeep::watch_the_storage(
            app.clone(),
            stop.clone(),
        )));
        let mut metrics_address = None;
        if let Some(socket) = metrics {
            metrics_address = Some(socket.address);
            let routes = http::metrics_routes(app.clone(), proxies);
            let slots = Slots::for_operators(app.clone());
            let serving = Serving::new(socket.listener, routes, app.clone(), slots);
            tasks.push(tokio::spawn(serving.run(stop.clone())));
        }
        Ok(Self {
            app,
            address,
            migrated,
            setup,
            transport,
            stop,
            tasks,
            metrics_address,
            _lock: lock,
        })
    }

    /// Has the server say that it is not ready, and answer all the same, until those who send it requests
    /// have noticed: for `server.drain`. Each connection is closed after its next answer.
    pub async fn drain(&self) {
        self.app.draining.cancel();
        tokio::time::sleep(self.app.settings.server.drain).await;
    }

    /// Tells the server to stop. [`Server::stopped`] waits until it has.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until the server has stopped: requests in flight are answered, e-mails in flight are
    /// sent or given back.
    pub async fn stopped(self) {
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the server failed");
            }
        }
        if let Err(error) = self.app.db.clone().close().await {
            tracing::warn!(%error, "cannot close the database");
        }
    }
}

/// A port that is taken; who connects to it is answered once a server was started on it.
pub struct Socket {
    listener: TcpListener,
    /// Where it is.
    pub address: SocketAddr,
}

impl Socket {
    /// Takes the port that the setting `key` names; port 0 takes any.
    ///
    /// # Errors
    ///
    /// A port that is in use, or an address that is not this machine's.
    pub async fn bind(key: &str, address: SocketAddr) -> Result<Self, StartError> {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            StartError(match error.kind() {
                std::io::ErrorKind::AddrInUse => format!(
                    "{key}: {address} is already in use by another program; stop it, or choose another port with --set {key}=127.0.0.1:8001"
                ),
                _ => format!("{key}: cannot listen on {address}: {error}"),
            })
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| StartError(format!("{key}: the socket has no address: {error}")))?;
        Ok(Self { listener, address })
    }
}

fn spawn_worker(
    app: Arc<App>,
    transport: Arc<dyn Transport>,
    stop: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let _running = app.worker_guard();
        mail::worker::run(app.clone(), transport, stop).await;
    })
}
