//! `usher backup`: all that SQLite's file holds, in another file, while the server goes on.

use std::path::Path;

use secrecy::ExposeSecret;
use usher::config::Config;
use usher::database::{Contents, DatabaseFile};

use super::output::print_line;

/// How databases of other kinds are backed up.
const BY_THEIR_OWN_TOOLS: &str = "database: this command backs up SQLite. The others have tools of their own, which servers do not get in the way of either. PostgreSQL: pg_dump --format=custom --no-owner --file=usher.dump DATABASE; MariaDB: mariadb-dump --single-transaction --result-file=usher.sql DATABASE. How to restore them is in docs/backup.md";

/// Writes the file, and says what is in it.
pub fn run(settings: &Config, to: &Path) -> Result<(), String> {
    let database = DatabaseFile::of(settings.database.url.expose_secret())
        .map_err(|reason| format!("database: {reason}"))?
        .ok_or(BY_THEIR_OWN_TOOLS)?;
    let contents = database.back_up(to)?;
    print_line(&format!(
        "{}: {}, as secret as the database itself.",
        to.display(),
        described(&contents)
    ))
}

/// What a file holds, in a few words.
pub fn described(contents: &Contents) -> String {
    let Contents {
        size,
        users,
        emails,
        ..
    } = contents;
    let counted = |count: i64, one: &str, more: &str| {
        let noun = if count == 1 { one } else { more };
        format!("{count} {noun}")
    };
    format!(
        "{size} bytes, schema {}, {}, {}",
        contents.version(),
        counted(*users, "user", "users"),
        counted(*emails, "e-mail", "e-mails"),
    )
}
