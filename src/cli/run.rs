//! Does what the command line says.

use std::path::PathBuf;

use clap::CommandFactory;
use usher::config::{CONFIG_FILE, Config, Layers};
use usher::database::Database;
use usher::server::{self, ProcessRole};

use super::arguments::{Arguments, Command, ConfigCommand};
use super::output::{eprint_line, print, print_line};
use super::signals::Signals;
use super::{
    backup, config, copy, demo, doctor, erase, healthcheck, invite, invite_administrator, queue,
    reset_password, restore, send_test_email, serve,
};

/// Does it, or says in sentences for standard error why not.
pub async fn run(arguments: Arguments) -> Result<(), String> {
    let layers = layers(&arguments);
    match arguments.command {
        Some(Command::Schema) => print(&usher::graphql::sdl()),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "usher", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
        Some(Command::Demo { force }) => demo::run(layers, force).await,
        Some(Command::Config(ConfigCommand::Show)) => config::show(&layers),
        None | Some(Command::Serve { no_worker: false }) => start(&layers, ProcessRole::All).await,
        Some(Command::Serve { no_worker: true }) => start(&layers, ProcessRole::Web).await,
        Some(Command::Worker) => start(&layers, ProcessRole::Worker).await,
        Some(Command::Migrate) => migrate(load(&layers)?).await,
        Some(Command::Backup { file }) => backup::run(&load(&layers)?, &file),
        Some(Command::Restore {
            file,
            replace,
            kept,
        }) => restore::run(load(&layers)?, &file, replace, kept).await,
        Some(Command::AfterRestore { kept }) => restore::after(load(&layers)?, kept).await,
        Some(Command::Copy { to }) => copy::run(&layers, &to).await,
        Some(Command::Invite {
            file,
            dry_run,
            on_existing,
        }) => invite::run(load(&layers)?, &file, on_existing, dry_run).await,
        Some(Command::InviteAdministrator { email }) => {
            invite_administrator::run(load(&layers)?, &email).await
        }
        Some(Command::ResetPassword { email }) => reset_password::run(load(&layers)?, &email).await,
        Some(Command::Erase { email, yes }) => erase::run(load(&layers)?, &email, yes).await,
        Some(Command::Queue(command)) => queue::run(load(&layers)?, command).await,
        Some(Command::Config(ConfigCommand::Check)) => config::check(&layers),
        Some(Command::SendTestEmail { address, transport }) => {
            send_test_email::run(load(&layers)?, &address, transport.as_deref()).await
        }
        Some(Command::Healthcheck { url }) => healthcheck::run(&layers, url.as_deref()).await,
        Some(Command::Doctor) => doctor::run(&layers).await,
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment; everybody else is handed the settings"
)]
fn layers(arguments: &Arguments) -> Layers {
    // What compose makes of `${UNSET:-}` names no file; and a demo takes only one that it was given.
    let is_demo = matches!(arguments.command, Some(Command::Demo { .. }));
    let named = std::env::var_os(CONFIG_FILE).filter(|name| !name.is_empty() && !is_demo);
    Layers {
        file: arguments.config.clone().or(named.map(PathBuf::from)),
        environment: std::env::vars_os().collect(),
        command_line: arguments.set.clone(),
    }
}

async fn start(layers: &Layers, role: ProcessRole) -> Result<(), String> {
    // Before anything else: a signal that nobody listens to kills the process.
    let signals = Signals::listen()?;
    let settings = config::start(layers)?;
    serve::run(layers, settings, role, signals).await
}

/// For commands that need less than a server does: neither its mail transport nor its log.
fn load(layers: &Layers) -> Result<Config, String> {
    layers.load().map_err(|error| error.to_string())
}

async fn migrate(settings: Config) -> Result<(), String> {
    let say = |why: &str| eprint_line(&format!("usher: {why}"));
    Database::wait_for(&settings.database, say).await;
    eprint_line("Bringing the database up to date …");
    let (app, migrated) = server::open(settings)
        .await
        .map_err(|error| error.to_string())?;
    print_line(&match migrated {
        0 => "The database is already up to date.".to_owned(),
        1 => "Applied 1 migration.".to_owned(),
        count => format!("Applied {count} migrations."),
    })?;
    app.db
        .clone()
        .close()
        .await
        .map_err(|error| format!("database: {error}"))
}
