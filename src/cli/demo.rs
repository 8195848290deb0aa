//! `usher demo`: a server on a database that is made for the occasion, and goes with it.

use std::net::SocketAddr;

use tempfile::TempDir;
use usher::config::{Config, Layers};
use usher::demo::{self, PERSONAS};
use usher::server;
use usher::server::Part;

use super::output::tell;
use super::{config, serve};

/// Makes the data, starts the server, and removes everything when it stops.
pub async fn run(mut layers: Layers, force: bool) -> Result<(), String> {
    let folder =
        private_folder().map_err(|error| format!("cannot create a temporary folder: {error}"))?;
    let settings = settings(&mut layers, folder.path())?;
    let bind = settings.server.bind;
    if !bind.ip().is_loopback() && !force {
        return Err(format!(
            "server.bind: {bind} is not a loopback address, and the demo's passwords are public; add --force to allow it"
        ));
    }
    config::start_log(&layers, &settings)?;
    tell("Creating sample users, roles and e-mails …");
    fill(settings.clone()).await?;
    let server = serve::start(settings, Part::All).await?;
    let text = welcome(&server.app.settings, server.address);
    serve::until_stopped(server, &text).await?;
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

/// What the layers say, but for what makes it a demo.
fn settings(layers: &mut Layers, folder: &std::path::Path) -> Result<Config, String> {
    if layers.file.is_none() {
        // An empty file in the place of usher.toml, which may name a database and a mail server.
        let file = folder.join("usher.toml");
        std::fs::write(&file, "").map_err(|error| format!("{}: {error}", file.display()))?;
        layers.file = Some(file);
    }
    let url = format!("sqlite://{}/usher.db?mode=rwc", folder.display());
    layers.command_line.extend([
        format!("database.url={url}"),
        "mail.transport=log".to_owned(),
        "environment=demo".to_owned(),
        "playground.enabled=true".to_owned(),
        "graphql.introspection=true".to_owned(),
        format!("setup.administrator={}", demo::ADMINISTRATOR.email),
    ]);
    let mut settings = config::startable(layers)?;
    for application in demo::applications() {
        let is_new = |known: &[usher::config::Application]| {
            known.iter().all(|known| known.code != application.code)
        };
        if is_new(&settings.applications) {
            settings.applications.push(application);
        }
    }
    // On another port, the default address would lead elsewhere.
    let bind = settings.server.bind;
    let is_default = |url: &str| url == "http://127.0.0.1:8000";
    if bind.port() != 0 && is_default(&settings.server.public_url) {
        settings.server.public_url = format!("http://{bind}");
    }
    Ok(settings)
}

async fn fill(settings: Config) -> Result<(), String> {
    let (app, _) = server::open(settings)
        .await
        .map_err(|error| error.to_string())?;
    demo::fill(&app)
        .await
        .map_err(|error| format!("cannot create the sample data: {error:?}"))?;
    app.db
        .clone()
        .close()
        .await
        .map_err(|error| format!("database: {error}"))
}

fn welcome(settings: &Config, address: SocketAddr) -> String {
    let url = &settings.server.public_url;
    let mut lines = vec![
        format!(
            "Usher {}: demo server (its data is deleted when it stops)",
            env!("VERSION_AND_COMMIT")
        ),
        String::new(),
        format!("  Pages       {url}/"),
        format!("  Playground  {url}/playground"),
        format!("  GraphQL     {url}/graphql"),
        format!("  Listening   {address}"),
        "  Mail        log: e-mails are printed here and not sent".to_owned(),
        String::new(),
        "Sign in as:".to_owned(),
        String::new(),
    ];
    for persona in PERSONAS {
        let name = format!("{} {}", persona.name.0, persona.name.1);
        lines.push(format!(
            "  {:<22}  {:<22}  {name}, {}",
            persona.email, persona.password, persona.role
        ));
    }
    lines.extend([
        String::new(),
        "Three things to try:".to_owned(),
        String::new(),
        format!("  1. Sign in as Laura at {url}/sign-in, and see the two applications that her role allows."),
        format!("  2. Sign in as Ada at {url}/playground, run \"InviteColleague\", and open the link that appears here."),
        "  3. As Ada, run \"RetryFailedMail\": an e-mail was rejected earlier; this sends it again.".to_owned(),
        String::new(),
        "Press Ctrl-C to stop.".to_owned(),
        String::new(),
        String::new(),
    ]);
    lines.join("\n")
}
