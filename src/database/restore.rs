//! Putting a backup in the place of SQLite's file.
//!
//! It is made ready in a folder of its own beside the database: whoever restores it brings its schema up
//! to date there, and changes what must not come back to life. Only then it takes the place of the
//! database, at once. What SQLite has left beside the old file belongs to that file, and would damage any
//! other: it goes with it, always.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};
use secrecy::SecretString;
use tempfile::TempDir;

use super::backup::{self, Contents};
use super::file::{self, DatabaseFile};
use super::lock::Lock;
use super::trouble;
use crate::clock::Clock;
use crate::config;

/// A backup that is being restored. Dropped before [`finish`](Self::finish), it leaves no trace.
#[derive(Debug)]
pub struct Restore {
    /// Where the database is, or will be.
    path: PathBuf,
    /// What the backup holds.
    pub contents: Contents,
    ready: PathBuf,
    folder: TempDir,
    /// No server starts meanwhile.
    _lock: Lock,
}

impl Restore {
    /// Makes a backup ready to take the database's place, which may be empty. With `replace`, a database
    /// that is there will be put aside.
    ///
    /// # Errors
    ///
    /// A sentence: a server is running, there is a database, or the backup is damaged, not Usher's, or of
    /// a later version.
    pub fn begin(database: &DatabaseFile, from: &Path, replace: bool) -> Result<Self, String> {
        let path = database.real_path();
        if fs::canonicalize(from).is_ok_and(|from| from == path) {
            return Err(format!("{} is the database itself", path.display()));
        }
        let cannot = |error: io::Error| format!("{}: {error}", path.display());
        let is_there = fs::metadata(&path).is_ok_and(|file| file.len() > 0);
        if is_there && !replace {
            return Err(format!(
                "{} is there; with --replace it is put aside, under a name that will be told, and the backup takes its place",
                path.display()
            ));
        }
        let lock = Lock::take(database)?;
        let contents = Contents::of(from)?;
        let unknown = contents.unknown_migrations();
        if !unknown.is_empty() {
            return Err(format!(
                "{}: a later version of Usher has written it: this one, {}, does not know {}. Restore it with that version",
                from.display(),
                env!("CARGO_PKG_VERSION"),
                unknown.join(", ")
            ));
        }
        let folder = tempfile::Builder::new()
            .prefix(".usher-restore-")
            .tempdir_in(backup::folder_of(&path))
            .map_err(cannot)?;
        let ready = folder.path().join("usher.db");
        create(&ready).map_err(cannot)?;
        backup::open_still(from)
            .and_then(|source| backup::write_to(&source, &ready))
            .map_err(|reason| format!("{}: {reason}", from.display()))?;
        Ok(Self {
            path,
            contents,
            ready,
            folder,
            _lock: lock,
        })
    }

    /// The settings by which the database is opened that is made ready.
    ///
    /// # Errors
    ///
    /// A folder whose name is no Unicode.
    pub fn settings(&self, like: &config::Database) -> Result<config::Database, String> {
        let url = file::address_of(&self.ready, "sqlite", "mode=rw")?;
        Ok(config::Database {
            url: SecretString::from(url),
            ..like.clone()
        })
    }

    /// Puts it in the place of the database, and returns where the old one is now, if there was one.
    /// Whoever has it open that was made ready has closed it.
    ///
    /// # Errors
    ///
    /// A sentence: another program uses the old database, or a file cannot be renamed. The old one is
    /// where it was then, or the sentence says where it is.
    pub fn finish(self, clock: &Clock) -> Result<Option<PathBuf>, String> {
        let cannot = |error: io::Error| format!("{}: {error}", self.path.display());
        // All of it in one file, looked through.
        backup::open_in_use(&self.ready).and_then(|ready| gather(&ready))?;
        Contents::of(&self.ready)?;
        let ready = fs::File::open(&self.ready).map_err(cannot)?;
        ready.sync_all().map_err(cannot)?;
        file::give_to_owner_of(&self.path, &ready);
        let aside = put_aside(&self.path, clock)?;
        fs::rename(&self.ready, &self.path).map_err(|error| match &aside {
            Some(aside) => format!(
                "{}: {error}; the old database is {} now",
                self.path.display(),
                aside.display()
            ),
            None => cannot(error),
        })?;
        backup::sync_folder(&backup::folder_of(&self.path)).map_err(cannot)?;
        // What is left there is the lock of whoever made it ready.
        let _ = self.folder.close();
        Ok(aside)
    }
}

fn create(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Brings what stands beside a database into its file, and removes it there. Nobody else may have the
/// database open.
fn gather(database: &Connection) -> Result<(), String> {
    let gathered = database.pragma_update_and_check(None, "journal_mode", "DELETE", |row| {
        row.get::<_, String>(0)
    });
    match gathered {
        Ok(mode) if mode == "delete" => Ok(()),
        Ok(mode) => Err(format!("its journal remains of the kind {mode}")),
        Err(error) => Err(trouble::in_words(&error)),
    }
}

/// Renames the database, with all that stands beside it; returns its name, if it was there.
fn put_aside(path: &Path, clock: &Clock) -> Result<Option<PathBuf>, String> {
    let at = clock.now().to_utc().format("%Y-%m-%dT%H-%M-%S%.6fZ");
    let aside = file::beside(path, &format!("-replaced-{at}"));
    let is_there = path.exists();
    if is_there {
        gather_unless_damaged(path)?;
    }
    let cannot = |name: &Path, error: io::Error| format!("{}: {error}", name.display());
    let has_company = file::companions(path).any(|companion| companion.exists());
    if is_there && !has_company && fs::hard_link(path, &aside).is_ok() {
        // At no moment there is no database: the new one is renamed to this name.
        return Ok(Some(aside));
    }
    if is_there {
        fs::rename(path, &aside).map_err(|error| cannot(path, error))?;
    }
    for (old, new) in file::companions(path).zip(file::companions(&aside)) {
        match fs::rename(&old, &new) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(cannot(&old, error)),
            Ok(()) => {}
        }
    }
    Ok(is_there.then_some(aside))
}

/// A database that is damaged is put aside as it is.
///
/// # Errors
///
/// Another program has it open.
fn gather_unless_damaged(path: &Path) -> Result<(), String> {
    let is_busy = |error: &rusqlite::Error| {
        matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    };
    let Ok(old) = backup::open_in_use(path) else {
        return Ok(());
    };
    let gathered = old.pragma_update_and_check(None, "journal_mode", "DELETE", |row| {
        row.get::<_, String>(0)
    });
    match gathered {
        Err(error) if is_busy(&error) => {
            Err(format!("{}: {}", path.display(), trouble::in_words(&error)))
        }
        _ => Ok(()),
    }
}
