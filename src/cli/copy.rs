//! `usher copy`: everything moves to another database.

use std::io::{IsTerminal, Read, Write, stderr, stdin};

use secrecy::ExposeSecret;
use usher::config::{self, Config, Layers};
use usher::database::{Database, DatabaseFile, Progress};

use super::output::print_line;

/// Copies everything, and says how much it was.
pub async fn run(layers: &Layers, to: &str) -> Result<(), String> {
    let from = layers.load().map_err(|error| error.to_string())?;
    let to = target(layers, to)?;
    if is_same(&from, &to) {
        return Err("--to: this is the database that is to be copied".to_owned());
    }
    let in_words = |error: &dyn std::fmt::Display| error.to_string();
    Database::must_exist(&from.database).map_err(|error| in_words(&error))?;
    // No server changes what is being copied, or sends what the other one will send.
    let _from_locked = Database::lock(&from.database).map_err(|error| in_words(&error))?;
    let source = Database::open(&from.database)
        .await
        .map_err(|error| in_words(&error))?;
    source
        .must_be_migrated(&from.database)
        .await
        .map_err(|error| in_words(&error))?;

    let address = config::without_password(to.database.url.expose_secret());
    let refused = |reason: &dyn std::fmt::Display| format!("--to: database {address}: {reason}");
    Database::prepare(&to.database).map_err(|error| format!("--to: {error}"))?;
    let _to_locked = Database::lock(&to.database).map_err(|error| format!("--to: {error}"))?;
    let target = Database::open(&to.database)
        .await
        .map_err(|error| format!("--to: {error}"))?;
    target
        .must_be_free()
        .await
        .map_err(|reason| refused(&reason))?;
    target.migrate().await.map_err(|error| refused(&error))?;
    let copied = source
        .copy_to(&target, &tell)
        .await
        .map_err(|reason| format!("{reason}; {address} is as empty as before"))?;
    for table in &copied {
        print_line(&format!("{:<24} {:>12}", table.table, table.rows))?;
    }
    target.close().await.map_err(|error| refused(&error))?;
    source
        .close()
        .await
        .map_err(|error| format!("database: {error}"))?;
    print_line(&format!(
        "Everything has been copied to {address}: the number of rows is the same in each table. Set database.url to it, and start the server. Start none on the old one again: e-mails in its queue would be sent twice."
    ))
}

/// The settings with the other address. `-` stands for standard input, where a password is not seen.
fn target(layers: &Layers, to: &str) -> Result<Config, String> {
    let mut address = to.to_owned();
    if to == "-" {
        address.clear();
        stdin()
            .read_to_string(&mut address)
            .map_err(|error| format!("--to: standard input cannot be read: {error}"))?;
    }
    let mut layers = layers.clone();
    let setting = format!("database.url={}", address.trim());
    layers.command_line.push(setting);
    layers
        .load()
        .map_err(|error| error.to_string().replace("database.url", "--to"))
}

fn is_same(from: &Config, to: &Config) -> bool {
    let (from, to) = (&from.database.url, &to.database.url);
    let file = |url: &str| DatabaseFile::of(url).ok().flatten();
    match (file(from.expose_secret()), file(to.expose_secret())) {
        (Some(from), Some(to)) => from.real_path() == to.real_path(),
        _ => from.expose_secret() == to.expose_secret(),
    }
}

/// Says at a terminal how far it has come, in one line that is written again and again.
fn tell(progress: Progress) {
    let mut terminal = stderr();
    if terminal.is_terminal() {
        let Progress { table, done, of } = progress;
        let end = if done == of { "\r\u{1b}[K" } else { "" };
        // Whoever does not see it misses nothing.
        let _ = write!(terminal, "\r\u{1b}[K{table}: {done} of {of}{end}");
    }
}
