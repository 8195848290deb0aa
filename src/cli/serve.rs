//! `usher serve`: the server, until somebody stops it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use transports::Registry;
use usher::config::{Config, Layers};
use usher::database::Database;
use usher::domain::setup::Setup;
use usher::server::{ProcessRole, Server};
use usher::{log, telemetry};

use super::output::print;
use super::reload::{Fresh, Reading, Source};
use super::signals::{Signals, Wish};

/// Files that are open beside the connections of clients: those of operators, databases, logs, the
/// runtime's own.
const OTHER_FILES: usize = 100;

/// Starts the server, or a part of it, says what to do next, and waits for its end.
pub async fn run(
    layers: &Layers,
    settings: Config,
    role: ProcessRole,
    mut signals: Signals,
) -> Result<(), String> {
    let source = Source::of(layers)?;
    let say = |why: &str| tracing::warn!("{why}");
    tokio::select! {
        () = Database::wait_for(&settings.database, say) => {}
        signal = signals.stop() => {
            tracing::info!(signal, "stopped before the database was there");
            return Ok(());
        }
    }
    let server = start(settings, role).await?;
    let text = match role {
        ProcessRole::All | ProcessRole::Web => welcome(&server),
        ProcessRole::Worker => format!(
            "Usher {}: processing the e-mail queue with the {} transport\n",
            env!("VERSION_AND_COMMIT"),
            server.app.settings.mail.transport
        ),
    };
    // Whoever reads JSON finds in the log what this says.
    let welcome = (!log::is_json()).then_some(&*text);
    until_stopped(server, role, welcome, signals, Some(&source)).await
}

/// Where a server is reached from this machine that listens there.
pub fn reached_at(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

/// Starts the server, or a part of it.
async fn start(mut settings: Config, role: ProcessRole) -> Result<Server, String> {
    allow_open_files(&mut settings);
    Server::start_as(settings, &Registry::builtin(), role)
        .await
        .map_err(|error| error.to_string())
}

/// Each connection is an open file, of which many systems allow a process 1,024 unless it asks for
/// more. Without any left, the server could not reach its database either: where the system does not allow
/// what the settings may use, clients get fewer connections.
fn allow_open_files(settings: &mut Config) {
    let others =
        settings.database.max_connections as usize + settings.mail.queue.workers + OTHER_FILES;
    let wanted = settings.server.max_connections;
    let needed = (wanted + others) as u64;
    match rlimit::increase_nofile_limit(needed) {
        Ok(allowed) if allowed >= needed => {}
        Ok(allowed) => {
            let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
            let left = allowed.saturating_sub(others).max(allowed / 4).max(1);
            settings.server.max_connections = wanted.min(left);
            tracing::warn!(
                "server.max_connections: {wanted} need {needed} open files, but the system allows {allowed}, so there are {left}; raise the limit (ulimit -n, LimitNOFILE in systemd), or lower the key"
            );
        }
        Err(error) => tracing::warn!(%error, "cannot tell how many files may be open"),
    }
}

/// Welcomes, does what it is told by signals, and waits until the server has stopped.
pub async fn until_stopped(
    server: Server,
    role: ProcessRole,
    welcome: Option<&str>,
    mut signals: Signals,
    source: Option<&Source>,
) -> Result<(), String> {
    if log::is_json() {
        log_start(&server, role);
    }
    if let Some(welcome) = welcome {
        print(welcome)?;
    }
    // The settings that are being read again. A file may be slow: one in the network, or a pipe.
    let mut reading: Option<Reading> = None;
    loop {
        let wish = tokio::select! {
            wish = signals.next() => wish,
            fresh = read_to_the_end(&mut reading) => {
                reading = None;
                if let Some(source) = source {
                    source.put_in_force(&server, fresh);
                }
                continue;
            }
        };
        match (wish, source) {
            // Nobody sends requests to a demo through a load balancer.
            (Wish::Stop(signal), _) | (Wish::Drain(signal), None) => {
                tracing::info!(signal, "stopping");
                break;
            }
            (Wish::Drain(signal), Some(_)) => {
                drain(&server, signal, &mut signals).await;
                break;
            }
            // Whoever asks again has changed something since.
            (Wish::Reload(_), Some(source)) => reading = Some(source.read()),
            (Wish::Reload(signal), None) | (Wish::Unknown(signal), _) => {
                tracing::info!(signal, "ignored a signal");
            }
        }
    }
    server.stop();
    server.stopped().await;
    telemetry::flush().await;
    tracing::info!("stopped");
    Ok(())
}

/// What the welcome says to a person, for whoever reads the log.
fn log_start(server: &Server, role: ProcessRole) {
    let settings = &server.app.settings;
    let listens = role != ProcessRole::Worker;
    let setup = match &server.setup {
        Setup::Invited(_) => "the first administrator was invited",
        Setup::Waiting(_) => "the first administrator has not accepted yet",
        Setup::Done => "done",
    };
    tracing::info!(
        version = env!("VERSION_AND_COMMIT"),
        role = match role {
            ProcessRole::All => "all",
            ProcessRole::Web => "web",
            ProcessRole::Worker => "worker",
        },
        address = listens.then(|| tracing::field::display(server.address)),
        metrics_address = server.metrics_address.map(tracing::field::display),
        public_url = settings.server.public_url,
        database = server.app.db.kind(),
        transport = settings.mail.transport,
        migrations = server.migrated,
        setup,
        "started"
    );
}

/// What comes of reading the settings, if they are being read.
async fn read_to_the_end(reading: &mut Option<Reading>) -> Result<Fresh, String> {
    match reading {
        Some(reading) => reading.await.unwrap_or_else(|error| Err(error.to_string())),
        None => std::future::pending().await,
    }
}

/// Lets those who send requests notice that the server is about to stop. Who does not want to wait for that
/// tells it once more.
async fn drain(server: &Server, signal: &str, signals: &mut Signals) {
    let seconds = server.app.settings.server.drain.as_secs_f64();
    tracing::info!(signal, seconds, "about to stop; not ready any more");
    tokio::select! {
        () = server.drain() => tracing::info!(signal, "stopping"),
        again = signals.stop() => tracing::info!(signal = again, "stopping"),
    }
}

/// What a person wants to know who has just started the server.
fn welcome(server: &Server) -> String {
    let settings = &server.app.settings;
    let url = &settings.server.public_url;
    let transport = &settings.mail.transport;
    let mail = match transport.as_str() {
        "log" => "log: e-mails are printed here and not sent",
        "file" => "file: e-mails are written to a folder and not sent",
        other => other,
    };
    let mut lines = vec![
        format!("Usher {}", env!("VERSION_AND_COMMIT")),
        String::new(),
        format!("  GraphQL     {url}/graphql"),
    ];
    if settings.serves_playground() {
        lines.push(format!("  Playground  {url}/playground"));
    }
    if let Some(address) = server.metrics_address {
        lines.push(format!("  Metrics     http://{address}/metrics"));
    }
    lines.extend([
        format!("  Listening   {}", server.address),
        format!("  Mail        {mail}"),
        String::new(),
    ]);
    lines.extend(next_steps(server));
    lines.push(String::new());
    lines.push(String::new());
    lines.join("\n")
}

fn next_steps(server: &Server) -> Vec<String> {
    match &server.setup {
        Setup::Invited(email) => vec![
            format!("The database is new. {email} has been invited as an administrator."),
            match server.app.settings.mail.transport.as_str() {
                "log" => {
                    "Next: open the link in the e-mail below and choose a password.".to_owned()
                }
                _ => "Next: open the link in the e-mail and choose a password.".to_owned(),
            },
        ],
        Setup::Waiting(email) => vec![
            format!("{email} has been invited as an administrator but has not accepted yet."),
            format!("For a new link: usher invite-administrator {email}"),
        ],
        Setup::Done if server.migrated > 0 => {
            vec!["Using the existing database; its schema was updated.".to_owned()]
        }
        Setup::Done => vec!["Using the existing database.".to_owned()],
    }
}
