//! `usher doctor`: tries everything that the server needs, and says what is wrong and what to do.
//! It changes nothing.

use std::path::Path;

use secrecy::ExposeSecret;
use transports::Registry;
use url::{Host, Url};
use usher::app::App;
use usher::config::{Config, Environment, Layers};
use usher::domain::setup;
use usher::server;

use super::output::print_line;

/// How a check ended: a sentence in any case.
enum Finding {
    Fine(String),
    Note(String),
    Wrong(String),
}

use Finding::{Fine, Note, Wrong};

/// Prints what it finds, and fails when something is wrong.
pub async fn run(layers: &Layers) -> Result<(), String> {
    let settings = layers.read().map_err(|error| error.to_string())?;
    let findings = match server::check(&settings, &Registry::builtin()) {
        Ok(()) => examine(settings).await,
        // Whatever goes by these settings would only fail in turn.
        Err(problems) => vec![Wrong(format!("configuration: {}", problems.join("\n")))],
    };
    let mut wrong = 0;
    for finding in &findings {
        let (mark, text) = match finding {
            Fine(text) => ("ok  ", text),
            Note(text) => ("note", text),
            Wrong(text) => ("FAIL", text),
        };
        wrong += usize::from(matches!(finding, Wrong(_)));
        print_line(&format!("{mark}  {}", text.replace('\n', "\n      ")))?;
    }
    match wrong {
        0 => Ok(()),
        1 => Err("1 check failed".to_owned()),
        count => Err(format!("{count} checks failed")),
    }
}

async fn examine(settings: Config) -> Vec<Finding> {
    let mut findings = vec![
        Fine("configuration: valid".to_owned()),
        public_url(&settings),
        transport(&settings).await,
    ];
    findings.extend(database(settings).await);
    findings
}

/// What is not an address, and what production refuses, was refused with the configuration.
fn public_url(settings: &Config) -> Finding {
    let text = &settings.server.public_url;
    let url = Url::parse(text).ok();
    let is_loopback = match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if is_loopback {
        return match settings.environment {
            Environment::Production => Wrong(format!(
                "server.public_url: {text} is a loopback address; links in e-mails would not work for anyone else"
            )),
            Environment::Demo => Note(format!(
                "server.public_url: {text} is a loopback address, which is enough for a demo on this machine"
            )),
        };
    }
    match text.starts_with("https://") {
        true => Fine(format!("server.public_url: {text}")),
        false => Note(format!(
            "server.public_url: {text} is not encrypted; passwords and tokens could be intercepted. Use https://"
        )),
    }
}

async fn transport(settings: &Config) -> Finding {
    let name = &settings.mail.transport;
    let transport = match Registry::builtin().build(name, &settings.mail.transports) {
        Ok(transport) => transport,
        Err(error) => return Wrong(error.to_string()),
    };
    match transport.check_sender(&settings.mail.from).await {
        Err(error) => Wrong(format!(
            "mail.transport: {name}: {}\nTry: usher send-test-email you@example.com",
            error.response
        )),
        Ok(()) if matches!(name.as_str(), "log" | "file") => Note(format!(
            "mail.transport: {name} works; e-mails do not leave this machine"
        )),
        Ok(()) => Fine(format!("mail.transport: {name} is ready")),
    }
}

async fn database(settings: Config) -> Vec<Finding> {
    if let Some(path) = missing_file(settings.database.url.expose_secret()) {
        return vec![Note(format!(
            "database: {path} does not exist yet; `usher migrate` or the first start creates it"
        ))];
    }
    let app = match App::open(settings).await {
        Ok(app) => app,
        Err(problem) => return vec![Wrong(problem)],
    };
    let mut findings = vec![Fine("database: reachable".to_owned())];
    match app.db.pending_migrations().await {
        Ok(0) => {
            findings.push(Fine("database: the schema is up to date".to_owned()));
            findings.push(administrators(&app).await);
        }
        Ok(count) => {
            let migrations = if count == 1 {
                "migration"
            } else {
                "migrations"
            };
            findings.push(Wrong(format!(
                "database: {count} {migrations} pending\nTry: usher migrate"
            )));
        }
        Err(error) => findings.push(Wrong(format!("database: {error}"))),
    }
    findings
}

async fn administrators(app: &App) -> Finding {
    match setup::count_administrators(app).await {
        Ok(0) => Wrong(format!(
            "administrators: no active user has the Administrator role\nTry: usher invite-administrator {}",
            app.settings.setup.administrator
        )),
        Ok(count) => Fine(format!("administrators: {count} active")),
        Err(error) => Wrong(format!("database: {error:?}")),
    }
}

/// The path of SQLite's file, where it has yet to be made: to open it would make it.
fn missing_file(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    (!Path::new(path).exists()).then_some(path)
}
