//! `usher doctor`: tries everything that the server needs, and says what is wrong and what to do.
//! It changes nothing: what it writes to see whether anything can be written, it takes back.

use std::sync::Arc;

use secrecy::ExposeSecret;
use transports::Registry;
use url::Url;
use usher::config::{Config, Environment, Layers, is_loopback};
use usher::database::{DatabaseFile, MigrationError, Schema, explained};
use usher::domain::App;
use usher::domain::{roles, setup};
use usher::server;

use super::config;
use super::output::print_line;
use super::queue::Status;

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
        Ok(()) => examine(layers, settings).await?,
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

async fn examine(layers: &Layers, settings: Config) -> Result<Vec<Finding>, String> {
    let mut findings = vec![Fine("configuration: valid".to_owned())];
    let warnings = config::warnings(layers, &settings)?;
    findings.extend(warnings.into_iter().map(Note));
    findings.push(public_url(&settings));
    findings.push(transport(&settings).await);
    findings.extend(database(settings).await);
    Ok(findings)
}

/// What is not an address, and what production refuses, was refused with the configuration; what
/// others can read on the way is among its warnings.
fn public_url(settings: &Config) -> Finding {
    let text = &settings.server.public_url;
    let url = Url::parse(text).ok();
    let is_local = url.as_ref().and_then(Url::host).is_some_and(is_loopback);
    match (is_local, settings.environment) {
        (true, Environment::Production) => Wrong(format!(
            "server.public_url: {text} is a loopback address; links in e-mails would not work for anyone else"
        )),
        (true, Environment::Demo) => Note(format!(
            "server.public_url: {text} is a loopback address, which is enough for a demo on this machine"
        )),
        (false, _) => Fine(format!("server.public_url: {text}")),
    }
}

async fn transport(settings: &Config) -> Finding {
    let name = &settings.mail.transport;
    let transport = match Registry::builtin().build(name, &settings.mail.transports) {
        Ok(transport) => transport,
        Err(error) => return Wrong(error.to_string()),
    };
    match transport.check_sender(settings.mail.from.mailbox()).await {
        Err(error) => Wrong(format!(
            "mail.transport: {name}: {}\nTry: usher send-test-email you@example.com",
            error.response
        )),
        Ok(Some(said)) => Note(format!(
            "mail.transport: {name} is ready, but takes no mail to the sender: {said}\nAnswers, and reports that an e-mail was not delivered, are lost. If you want them, name a mailbox in mail.from"
        )),
        Ok(None) if matches!(name.as_str(), "log" | "file") => Note(format!(
            "mail.transport: {name} works; e-mails do not leave this machine"
        )),
        Ok(None) => Fine(format!("mail.transport: {name} is ready")),
    }
}

async fn database(settings: Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    // What is wrong with the address is said where the database is opened.
    let file = DatabaseFile::of(settings.database.url.expose_secret());
    let file = file.ok().flatten();
    if let Some(file) = &file {
        if !file.exists() {
            let path = file.path().display().to_string();
            return vec![Note(format!(
                "database: {path} does not exist yet; `usher migrate` or the first start creates it"
            ))];
        }
        findings.extend(file.readable_by_others().iter().map(|path| {
            let path = path.display();
            Wrong(format!(
                "database: other users of this machine can read {path}\nTry: chmod 600 {path}"
            ))
        }));
        if let Err(reason) = file.may_be_used().and_then(|()| file.quick_check()) {
            findings.push(Wrong(format!("database: {reason}")));
            return findings;
        }
        findings.extend(file.free_space().and_then(free_space));
    }
    let app = match App::open(settings).await {
        Ok(app) => Arc::new(app),
        Err(problem) => {
            findings.push(Wrong(problem));
            return findings;
        }
    };
    findings.push(Fine("database: reachable".to_owned()));
    match app.db.schema().await {
        Ok(Schema::UpToDate) => {
            findings.push(Fine("database: the schema is up to date".to_owned()));
            findings.push(match app.db.try_writing(file).await {
                Ok(()) => Fine("database: takes changes".to_owned()),
                Err(reason) => Wrong(format!("database: nothing can be changed: {reason}")),
            });
            findings.push(administrators(&app).await);
            findings.extend(undeclared(&app).await);
            findings.extend(queue(&app).await);
        }
        Ok(Schema::Ahead(unknown)) => findings.push(Wrong(format!(
            "database: {}",
            MigrationError::Newer(unknown.join(", "))
        ))),
        Ok(Schema::Behind(count)) => {
            let migrations = if count == 1 {
                "migration"
            } else {
                "migrations"
            };
            findings.push(Wrong(format!(
                "database: {count} {migrations} pending\nTry: usher migrate"
            )));
        }
        Err(error) => findings.push(Wrong(format!("database: {}", explained(&error)))),
    }
    findings
}

/// Says when the disk is nearly full: without room, nobody can so much as sign in.
fn free_space(bytes: u64) -> Option<Finding> {
    const MIB: u64 = 1 << 20;
    let left = format!(
        "database: there is room for {} MiB on its disk",
        bytes / MIB
    );
    match bytes / MIB {
        0..64 => Some(Wrong(format!(
            "{left}; make more, before nothing can be changed"
        ))),
        64..1024 => Some(Note(left)),
        _ => None,
    }
}

async fn administrators(app: &App) -> Finding {
    match setup::count_administrators(app).await {
        Ok(0) => Wrong(format!(
            "administrators: no active user has the Administrator role\nTry: usher invite-administrator {}",
            app.administrator
        )),
        Ok(count) => Fine(format!("administrators: {count} active")),
        Err(error) => Wrong(format!("database: {}", error.explained())),
    }
}

/// What waits in the e-mail queue, and why.
async fn queue(app: &Arc<App>) -> Vec<Finding> {
    let status = match Status::load(app).await {
        Ok(status) => status,
        Err(error) => return vec![Wrong(format!("database: {}", error.explained()))],
    };
    let mut findings = Vec::new();
    if let Some(paused) = &status.paused {
        let by = match &paused.by {
            Some(by) => format!(" by {by}"),
            None => String::new(),
        };
        findings.push(Note(format!(
            "e-mail queue: paused{by} since {}; nothing is sent\nTry: usher queue resume",
            status.ago(paused.since)
        )));
    }
    if let Some(away) = &status.unavailable {
        findings.push(Wrong(format!(
            "e-mail queue: the transport has been unavailable since {}: {}\nOne e-mail is tried now and then; when the cause is mended, the others follow by themselves. To try at once: usher queue resume",
            status.ago(away.since), away.said
        )));
    }
    if let Some(oldest) = &status.oldest
        && status.has_waited_long(oldest)
    {
        let why = match (&status.paused, &status.unavailable) {
            (None, None) => "; does a server run, or `usher worker`?",
            _ => "",
        };
        findings.push(Note(format!(
            "e-mail queue: an e-mail has been due since {}{why}",
            status.ago(oldest.since)
        )));
    }
    if status.failed_today > 0 {
        findings.push(Note(format!(
            "e-mail queue: failed on the last day: {}; emails(filter: {{ statuses: [FAILED] }}) says why",
            status.failed_today
        )));
    }
    if findings.is_empty() {
        findings.push(Fine(
            "e-mail queue: nothing waits that could be sent".to_owned(),
        ));
    }
    findings
}

/// Permissions that nothing declares: of an application that was renamed, or removed for good.
async fn undeclared(app: &App) -> Vec<Finding> {
    let undeclared = match roles::with_undeclared_permissions(app).await {
        Ok(roles) => roles,
        Err(error) => return vec![Wrong(format!("database: {}", error.explained()))],
    };
    let finding = |(name, permissions): (String, String)| {
        Note(format!(
            "roles: {name} holds {permissions}, which no application declares; that grants nothing until one does. If none will, remove it from the role"
        ))
    };
    undeclared.into_iter().map(finding).collect()
}
