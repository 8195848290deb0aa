//! `usher restore` and `usher after-restore`: a backup takes the database's place, and nothing comes back
//! to life that was ended since it was taken.

use std::path::Path;

use secrecy::ExposeSecret;
use usher::clock::Clock;
use usher::config::Config;
use usher::database::{DatabaseFile, Restore};
use usher::domain::recovery::{Keep, Recovered};
use usher::server;

use super::arguments::Kept;
use super::backup::described;
use super::output::print_line;

/// How databases of other kinds are restored.
const BY_THEIR_OWN_TOOLS: &str = "database: this command restores SQLite. The others have tools of their own. PostgreSQL: pg_restore --no-owner --exit-on-error --single-transaction --dbname=DATABASE usher.dump; MariaDB: mariadb DATABASE < usher.sql. Then run usher after-restore, before a server starts; docs/backup.md has all of it";

/// Restores SQLite's file.
pub async fn run(settings: Config, from: &Path, replace: bool, kept: Kept) -> Result<(), String> {
    let database = DatabaseFile::of(settings.database.url.expose_secret())
        .map_err(|reason| format!("database: {reason}"))?
        .ok_or(BY_THEIR_OWN_TOOLS)?;
    let restore = Restore::begin(&database, from, replace)?;
    let prepared = Config {
        database: restore.settings(&settings.database)?,
        ..settings
    };
    let recovered = server::recover(prepared, keep(kept))
        .await
        .map_err(|error| error.to_string())?;
    let contents = described(&restore.contents);
    let aside = restore.finish(&Clock::system())?;
    print_line(&format!(
        "{} is restored from {}: {contents}.",
        database.path().display(),
        from.display(),
    ))?;
    if let Some(aside) = aside {
        print_line(&format!(
            "The database before that is {} now.",
            aside.display()
        ))?;
    }
    tell(recovered, kept)
}

/// What is left to do when a database server was restored by its own tools.
pub async fn after(settings: Config, kept: Kept) -> Result<(), String> {
    let recovered = server::recover(settings, keep(kept))
        .await
        .map_err(|error| error.to_string())?;
    print_line("The schema is up to date.")?;
    tell(recovered, kept)
}

fn keep(kept: Kept) -> Keep {
    Keep {
        sessions: kept.keep_sessions,
        links: kept.keep_links,
    }
}

fn tell(recovered: Recovered, kept: Kept) -> Result<(), String> {
    let Recovered {
        sessions,
        invitations,
        password_resets,
        emails,
    } = recovered;
    print_line(&format!(
        "The e-mail queue is paused, and holds {emails} that may have been sent since the backup was taken. Look through them, cancel what need not be sent again, then resume the queue: cancelEmails, resumeEmailQueue."
    ))?;
    if kept.keep_sessions {
        print_line(
            "Whoever was signed in then is signed in now, also those who have signed out or were signed out since.",
        )?;
    } else {
        print_line(&format!(
            "All sessions were ended ({sessions}): people sign in again."
        ))?;
    }
    if kept.keep_links {
        print_line("Links that were open then work, also those that were used or revoked since.")?;
    } else {
        print_line(&format!(
            "All open links were ended: {invitations} to invitations, {password_resets} to password resets. Invite again whom you expect; for an administrator: usher invite-administrator ADDRESS."
        ))?;
    }
    print_line(
        "Whatever was changed since then is undone: look whether somebody was deactivated, deleted or lost a role, or changed their password because others knew it.",
    )
}
