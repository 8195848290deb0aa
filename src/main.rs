//! The command line.

// The optimiser computes the layout of nested async blocks, and those of the routes nest deeply.
#![recursion_limit = "256"]

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use transports::Registry;
use usher::config::{Config, Layers, Log, LogFormat};
use usher::domain::EmailAddress;
use usher::domain::setup::{self, NewAdministrator, Setup};
use usher::server::{self, Part, Server};

/// Many small answers are made and thrown away, and large hashing buffers kept: this allocator
/// gives the memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Looks after the people of an application: users, roles, invitations, passwords and the e-mail
/// queue, behind one GraphQL API.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    /// The configuration file [default: usher.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Sets one key of the configuration, such as mail.transport=file; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the server; what happens without a command
    Serve {
        /// Leaves the e-mail queue to an `usher worker` in another process
        #[arg(long)]
        no_worker: bool,
    },
    /// Works the e-mail queue off, and answers no requests
    Worker,
    /// Invites somebody as Administrator, or gives an invited one a new link, and prints the link
    InviteAdministrator {
        /// Their e-mail address
        email: String,
    },
    /// Prints the API's schema
    Schema,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            for line in problem.lines() {
                eprintln!("usher: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    if let Some(Command::Schema) = arguments.command {
        print!("{}", usher::graphql::sdl());
        return Ok(());
    }
    let settings = settings(&arguments)?;
    match arguments.command {
        None | Some(Command::Serve { no_worker: false }) => {
            start_log(&settings.log)?;
            serve(settings, Part::All).await
        }
        Some(Command::Serve { no_worker: true }) => {
            start_log(&settings.log)?;
            serve(settings, Part::Web).await
        }
        Some(Command::Worker) => {
            start_log(&settings.log)?;
            serve(settings, Part::Worker).await
        }
        Some(Command::InviteAdministrator { email }) => {
            invite_administrator(settings, &email).await
        }
        Some(Command::Schema) => Ok(()),
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment; everybody else is handed the settings"
)]
fn settings(arguments: &Arguments) -> Result<Config, String> {
    Layers {
        file: arguments.config.clone(),
        environment: std::env::vars().collect(),
        command_line: arguments.set.clone(),
    }
    .load()
    .map_err(|error| error.to_string())
}

fn start_log(settings: &Log) -> Result<(), String> {
    let filter =
        EnvFilter::try_new(&settings.filter).map_err(|error| format!("log.filter: {error}"))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match settings.format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}

async fn serve(settings: Config, part: Part) -> Result<(), String> {
    let server = Server::start_part(settings, &Registry::builtin(), part)
        .await
        .map_err(|error| error.to_string())?;
    let stop_signal = stop_signal()?;
    match part {
        Part::All | Part::Web => print!("{}", welcome(&server)),
        Part::Worker => println!(
            "Usher {}: working the e-mail queue off, with the transport {}",
            env!("CARGO_PKG_VERSION"),
            server.app.settings.mail.transport
        ),
    }
    let signal = stop_signal.await;
    eprintln!("usher: {signal}: stopping");
    server.stop();
    server.stopped().await;
    Ok(())
}

/// Resolves when somebody wants the server to stop, and tells how they said so.
fn stop_signal() -> Result<impl Future<Output = &'static str>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| format!("cannot listen for signals: {error}"));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "Ctrl-C",
        }
    })
}

/// What a person wants to know who has just started the server.
fn welcome(server: &Server) -> String {
    let settings = &server.app.settings;
    let url = &settings.server.public_url;
    let transport = &settings.mail.transport;
    let mail = match transport.as_str() {
        "log" => "log: letters are printed here, and go nowhere else",
        "file" => "file: letters are written into a folder, and go nowhere else",
        other => other,
    };
    let mut lines = vec![
        format!("Usher {}", env!("CARGO_PKG_VERSION")),
        String::new(),
        format!("  GraphQL     {url}/graphql"),
    ];
    if settings.serves_playground() {
        lines.push(format!("  Playground  {url}/playground"));
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
            format!("The database is new, and {email} was invited as Administrator."),
            match server.app.settings.mail.transport.as_str() {
                "log" => {
                    "Next: open the link in the letter below and choose a password.".to_owned()
                }
                _ => "Next: open the link in the letter and choose a password.".to_owned(),
            },
        ],
        Setup::Waiting(email) => vec![
            format!("{email} was invited as Administrator and has not accepted yet."),
            format!("For a fresh link: usher invite-administrator {email}"),
        ],
        Setup::Done if server.migrated > 0 => {
            vec!["The database was there already; its tables were brought up to date.".to_owned()]
        }
        Setup::Done => vec!["The database was there already; nothing was changed.".to_owned()],
    }
}

async fn invite_administrator(settings: Config, email: &str) -> Result<(), String> {
    let email = EmailAddress::parse("email", email).map_err(|error| error.message)?;
    let (app, _) = server::open(settings)
        .await
        .map_err(|error| error.to_string())?;
    let outcome = setup::invite_administrator(&app, &email)
        .await
        .map_err(|error| format!("database: {error:?}"))?;
    match outcome {
        NewAdministrator::Invited(invited) => {
            println!("{email} was invited as Administrator. Links sent before no longer work.");
            println!("The letter is in the queue; this is the link in it:\n");
            println!("{}", invited.link);
        }
        NewAdministrator::Active => {
            println!("{email} has signed up already, and is Administrator.");
        }
        NewAdministrator::Deactivated => {
            return Err(format!(
                "{email} is deactivated; another administrator has to activate them first"
            ));
        }
    }
    Ok(())
}
