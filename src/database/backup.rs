//! Backups of SQLite's file: taken while a server writes to it, and looked through before they are
//! trusted.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::file::{self, DatabaseFile};
use super::trouble;

/// How long a lock of somebody else's is waited for.
const WAITS_AT_MOST: Duration = Duration::from_secs(10);

/// What a file of SQLite's holds.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Its size in bytes.
    pub size: u64,
    /// The migrations that were applied to its schema, in their order.
    pub migrations: Vec<String>,
    /// How many users it knows.
    pub users: i64,
    /// How many e-mails are in its queue and its history.
    pub emails: i64,
}

impl Contents {
    /// Looks a file through.
    ///
    /// # Errors
    ///
    /// A sentence: it cannot be read, is damaged, or is not Usher's.
    pub fn of(path: &Path) -> Result<Self, String> {
        let look = || {
            let connection = open_still(path)?;
            checked_by(&connection, "PRAGMA integrity_check(1)")?;
            let size = std::fs::metadata(path).map_err(|error| error.to_string())?;
            read(&connection, size.len())
        };
        look().map_err(|reason| format!("{}: {reason}", path.display()))
    }

    /// The newest migration, which stands for the version of the schema.
    pub fn version(&self) -> &str {
        self.migrations.last().map_or("none", String::as_str)
    }

    /// The migrations of which this version of Usher knows nothing.
    pub fn unknown_migrations(&self) -> Vec<&str> {
        let known = Migrator::migrations();
        let is_unknown = |name: &&str| known.iter().all(|known| known.name() != *name);
        let applied = self.migrations.iter().map(String::as_str);
        applied.filter(is_unknown).collect()
    }
}

impl DatabaseFile {
    /// Writes all that the database holds at this moment to a new file, which is for its owner alone.
    /// Whoever uses the database meanwhile is not held up. The file appears under its name when it is
    /// whole, has been looked through, and is on the disk.
    ///
    /// # Errors
    ///
    /// A sentence: there is a file of that name, it cannot be written, or the database is damaged.
    pub fn back_up(&self, to: &Path) -> Result<Contents, String> {
        self.must_exist()?;
        must_be_free(to)?;
        let folder = folder_of(to);
        let cannot = |error: &dyn std::fmt::Display| format!("{}: {error}", to.display());
        // It is created for its owner alone, and goes when this fails.
        let new = tempfile::Builder::new()
            .prefix(".usher-backup-")
            .tempfile_in(&folder)
            .map_err(|error| cannot(&error))?;
        open_in_use(&self.path())
            .and_then(|database| write_to(&database, new.path()))
            .map_err(|reason| format!("{}: {reason}", self.path().display()))?;
        let contents = Contents::of(new.path())?;
        let persisted = new.persist_noclobber(to);
        persisted.map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => already_exists(to),
            _ => cannot(&error.error),
        })?;
        sync_folder(&folder).map_err(|error| cannot(&error))?;
        Ok(contents)
    }
}

fn must_be_free(to: &Path) -> Result<(), String> {
    match to.symlink_metadata() {
        Ok(_) => Err(already_exists(to)),
        Err(_) => Ok(()),
    }
}

fn already_exists(to: &Path) -> String {
    format!(
        "{} already exists and is not overwritten; name another file",
        to.display()
    )
}

/// The folder that a file is in, or is to be.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Sees to it that what was renamed in a folder is found there after a power cut.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes all that one database holds to another file, which is there and empty, and to the disk.
///
/// # Errors
///
/// A sentence.
pub(super) fn write_to(from: &Connection, to: &Path) -> Result<(), String> {
    let name = file::unicode(to)?;
    // One transaction that reads, whatever is written meanwhile. What was deleted is left behind.
    from.execute("VACUUM INTO ?1", [name])
        .map_err(|error| trouble::in_words(&error))?;
    File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(|error| format!("{}: {error}", to.display()))
}

/// Opens a database that others may be at work on.
pub(super) fn open_in_use(path: &Path) -> Result<Connection, String> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    ready(Connection::open_with_flags(path, flags))
}

/// Opens a file that nobody is at work on, such as a backup: nothing is created beside it, so that it may
/// lie where nothing can be written. What a copy has with it of the log is a part of it.
pub(super) fn open_still(path: &Path) -> Result<Connection, String> {
    if !path.is_file() {
        return Err("there is no such file".to_owned());
    }
    if file::companions(path).any(|companion| companion.exists()) {
        return open_in_use(path);
    }
    let address = file::address_of(path, "file", "mode=ro&immutable=1")?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    ready(Connection::open_with_flags(address, flags))
}

fn ready(opened: rusqlite::Result<Connection>) -> Result<Connection, String> {
    opened
        .and_then(|connection| {
            connection.busy_timeout(WAITS_AT_MOST)?;
            Ok(connection)
        })
        .map_err(|error| trouble::in_words(&error))
}

/// Has SQLite look through a file by that statement, and report one problem at most.
pub(super) fn checked_by(connection: &Connection, check: &str) -> Result<(), String> {
    let found = connection
        .query_row(check, [], |row| row.get::<_, String>(0))
        .map_err(|error| trouble::in_words(&error))?;
    match found.as_str() {
        "ok" => Ok(()),
        problem => Err(format!("the file is damaged: {problem}")),
    }
}

fn read(connection: &Connection, size: u64) -> Result<Contents, String> {
    let read = || {
        let mut applied =
            connection.prepare("SELECT version FROM seaql_migrations ORDER BY version")?;
        let applied = applied.query_map([], |row| row.get(0))?;
        let count = |table: &str| {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get(0))
        };
        Ok(Contents {
            size,
            migrations: applied.collect::<Result<_, _>>()?,
            users: count("users")?,
            emails: count("emails")?,
        })
    };
    let contents = read().map_err(|error: rusqlite::Error| match error.sqlite_error_code() {
        // No such table.
        Some(ErrorCode::Unknown) => "this is not a database of Usher's".to_owned(),
        _ => trouble::in_words(&error),
    })?;
    let first = Migrator::migrations();
    let first = first.first().map(|first| first.name());
    if contents.migrations.first().map(String::as_str) == first {
        Ok(contents)
    } else {
        Err("this is not a database of Usher's".to_owned())
    }
}
