//! `usher demo`: a server on a database that is made for the occasion, and goes with it.

use std::path::Path;

use tempfile::TempDir;
use transports::Registry;
use usher::config::{Application, Config, Layers, Mail, Passwords};
use usher::demo::{self, PERSONAS};
use usher::log;
use usher::server::{self, ProcessRole, Server, Socket};

use super::output::eprint_line;
use super::serve::reached_at;
use super::signals::Signals;
use super::{config, serve};

/// Makes the data, starts the server, and removes everything when it stops.
pub async fn run(mut layers: Layers, force: bool) -> Result<(), String> {
    let signals = Signals::listen()?;
    let folder =
        private_folder().map_err(|error| format!("cannot create a temporary folder: {error}"))?;
    let (mut settings, samples) = settings(&mut layers, folder.path())?;
    let bind = settings.server.bind;
    if !bind.ip().is_loopback() && !force {
        return Err(format!(
            "server.bind: {bind} is not a loopback address, and the demo's passwords are public; add --force to allow it"
        ));
    }
    config::start_log(&layers, &settings)?;
    let socket = Socket::bind("server.bind", bind)
        .await
        .map_err(|error| error.to_string())?;
    if !is_set(&layers, "server.public_url")? {
        settings.server.public_url = format!("http://{}", reached_at(socket.address));
    }
    if log::is_json() {
        tracing::info!("creating sample users, roles and e-mails");
    } else {
        eprint_line("Creating sample users, roles and e-mails …");
    }
    fill(&settings, samples).await?;
    let server = Server::start_on(
        settings,
        &Registry::builtin(),
        ProcessRole::All,
        Some(socket),
    )
    .await
    .map_err(|error| error.to_string())?;
    let text = welcome(&server);
    serve::until_stopped(server, ProcessRole::All, Some(&text), signals, None).await?;
    folder
        .close()
        .map_err(|error| format!("cannot remove the temporary folder: {error}"))
}

/// A new folder for temporary files, for its owner alone.
fn private_folder() -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("usher-demo-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

/// What makes a server a demo.
const FORCED: [&str; 4] = [
    "database.url",
    "mail.transport",
    "environment",
    "setup.administrator",
];

/// What the layers say, but for what makes it a demo; and the settings that its data is made by.
fn settings(layers: &mut Layers, folder: &Path) -> Result<(Config, Config), String> {
    // An empty file in the place of usher.toml, which may name a database and a mail server.
    let empty = folder.join("usher.toml");
    std::fs::write(&empty, "").map_err(|error| format!("{}: {error}", empty.display()))?;
    layers.file.get_or_insert_with(|| empty.clone());
    for key in FORCED {
        if is_set(layers, key)? {
            eprint_line(&format!(
                "usher: the demo does not go by {key}, and has its own"
            ));
        }
    }
    let url = format!("sqlite://{}/usher.db?mode=rwc", folder.display());
    layers.command_line.extend([
        format!("database.url={url}"),
        "mail.transport=log".to_owned(),
        "environment=demo".to_owned(),
        format!("setup.administrator={}", demo::ADMINISTRATOR.email),
    ]);
    let mut settings = config::startable(layers)?;
    for application in demo::applications() {
        let is_new =
            |known: &[Application]| known.iter().all(|known| known.code != application.code);
        if is_new(&settings.applications) {
            settings.applications.push(application);
        }
    }
    let defaults = Layers {
        file: Some(empty),
        ..Layers::default()
    };
    let defaults = defaults.load().map_err(|error| error.to_string())?;
    Ok((settings, defaults))
}

/// Whether anybody has set that key.
fn is_set(layers: &Layers, key: &str) -> Result<bool, String> {
    let shown = layers.shown().map_err(|error| error.to_string())?;
    Ok(shown
        .iter()
        .any(|setting| setting.key == key && setting.layer != "default"))
}

/// Makes the data. Its people, e-mails and events are told of a past that went by the default limits
/// and time-outs, whatever those of the server are.
async fn fill(settings: &Config, defaults: Config) -> Result<(), String> {
    let settings = Config {
        mail: Mail {
            from: settings.mail.from.clone(),
            templates: settings.mail.templates.clone(),
            ..defaults.mail
        },
        passwords: Passwords {
            argon2: settings.passwords.argon2,
            ..defaults.passwords
        },
        invitations: defaults.invitations,
        sessions: defaults.sessions,
        throttle: defaults.throttle,
        event_log: defaults.event_log,
        ..settings.clone()
    };
    let (app, _) = server::open(settings)
        .await
        .map_err(|error| error.to_string())?;
    demo::fill(&app)
        .await
        .map_err(|error| format!("cannot create the sample data: {}", error.explained()))?;
    app.db
        .clone()
        .close()
        .await
        .map_err(|error| format!("database: {error}"))
}

fn welcome(server: &Server) -> String {
    let settings = &server.app.settings;
    let url = &settings.server.public_url;
    let mut lines = vec![
        format!(
            "Usher {}: demo server (its data is deleted when it stops)",
            env!("VERSION_AND_COMMIT")
        ),
        String::new(),
    ];
    if settings.pages.enabled {
        lines.push(format!("  Pages       {url}/"));
    }
    if settings.serves_playground() {
        lines.push(format!("  Playground  {url}/playground"));
    }
    lines.extend([
        format!("  GraphQL     {url}/graphql"),
        format!("  Listening   {}", server.address),
        "  Mail        log: e-mails are printed here and not sent".to_owned(),
        String::new(),
        "Sign in as:".to_owned(),
        String::new(),
    ]);
    for persona in PERSONAS {
        let name = format!("{} {}", persona.name.0, persona.name.1);
        lines.push(format!(
            "  {:<22}  {:<22}  {name}, {}",
            persona.email, persona.password, persona.role
        ));
    }
    lines.extend(things_to_try(settings));
    lines.extend([
        String::new(),
        "Press Ctrl-C to stop.".to_owned(),
        String::new(),
        String::new(),
    ]);
    lines.join("\n")
}

/// What can be tried with what is served.
fn things_to_try(settings: &Config) -> Vec<String> {
    let url = &settings.server.public_url;
    let things = if settings.pages.enabled {
        vec![
            format!(
                "Sign in as Laura at {url}/sign-in, and see the two applications that her role allows."
            ),
            format!(
                "Sign in as Ada at {url}/console/users, invite somebody, and open the link that appears here."
            ),
            format!("As Ada, send again what was rejected earlier: {url}/console/email-queue"),
        ]
    } else if settings.serves_playground() {
        vec![
            format!(
                "Sign in as Ada at {url}/playground, run \"CreateRole\" and \"InviteColleague\", and open the link that appears here."
            ),
            "As Ada, run \"RetryFailedMail\": an e-mail was rejected earlier; this sends it again."
                .to_owned(),
        ]
    } else {
        return Vec::new();
    };
    let heading = match things.len() {
        2 => "Two things to try:",
        _ => "Three things to try:",
    };
    let things = things
        .iter()
        .zip(1..)
        .map(|(thing, number)| format!("  {number}. {thing}"));
    [String::new(), heading.to_owned(), String::new()]
        .into_iter()
        .chain(things)
        .collect()
}
