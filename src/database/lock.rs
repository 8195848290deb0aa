//! The lock that a server holds on SQLite's file for as long as it runs.
//!
//! SQLite itself lets any number of processes in. Two servers on one file would take turns at its one
//! writer, and neither would hear what the other does; a backup that is put in its place under a running
//! server would be damaged. Commands that change a little and go need no lock.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::file::{self, DatabaseFile};

/// What is locked is a file of its own: the operating system's locks on the database's are SQLite's. It
/// stays when the lock is given up, since somebody may just have opened it.
const NAME: &str = "-lock";

/// How often a lock that is taken is tried again, and how long lies between.
const TRIES: u32 = 10;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The locks that this process holds. Servers within one process share one.
static HELD: Mutex<BTreeMap<PathBuf, Weak<File>>> = Mutex::new(BTreeMap::new());

/// A lock on a database. It goes with the process, however that ends.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "open, it holds the lock")] Arc<File>);

impl Lock {
    /// Takes the lock on a file in a folder that is there.
    ///
    /// # Errors
    ///
    /// A sentence: another process has it, or it cannot be taken.
    pub fn take(database: &DatabaseFile) -> Result<Self, String> {
        let path = database.real_path();
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = held.get(&path).and_then(Weak::upgrade) {
            return Ok(Self(lock));
        }
        let name = file::beside(&path, NAME);
        let cannot = |error: io::Error| {
            let name = name.display();
            format!("{name} cannot be locked: {error}; may this user write to the folder?")
        };
        let mut lock = open(&name).map_err(cannot)?;
        match try_for_a_moment(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(&path, &mut lock)),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        file::give_to_owner_of(&path, &lock);
        // Whom it belongs to is for people to read.
        let _ = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| write!(lock, "{}", std::process::id()));
        let lock = Arc::new(lock);
        held.retain(|_, lock| lock.strong_count() > 0);
        held.insert(path, Arc::downgrade(&lock));
        Ok(Self(lock))
    }
}

/// Tries again for a moment: a child that another process is just starting shares its locks until it runs.
fn try_for_a_moment(lock: &File) -> Result<(), TryLockError> {
    let mut tries = 0;
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if tries < TRIES => {
                tries += 1;
                std::thread::sleep(BETWEEN_TRIES);
            }
            tried => return tried,
        }
    }
}

fn open(name: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    // The folder may be another user's, who must not lead the superuser to any other file.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NOFOLLOW.bits().cast_signed(),
    );
    let opened = match options.open(name) {
        // To hold a lock, it is enough to read.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            options.write(false).create(false).open(name)
        }
        opened => opened,
    }?;
    if is_alone(&opened.metadata()?) {
        Ok(opened)
    } else {
        let elsewhere = "it is no file of its own";
        Err(io::Error::new(ErrorKind::InvalidInput, elsewhere))
    }
}

/// Whether it is a file that has no other name.
#[cfg(unix)]
fn is_alone(file: &std::fs::Metadata) -> bool {
    file.is_file() && std::os::unix::fs::MetadataExt::nlink(file) == 1
}

#[cfg(not(unix))]
fn is_alone(file: &std::fs::Metadata) -> bool {
    file.is_file()
}

fn taken(path: &Path, lock: &mut File) -> String {
    let mut holder = String::new();
    let holder = match lock.read_to_string(&mut holder) {
        Ok(1..) => format!(" (process {holder})"),
        _ => String::new(),
    };
    format!(
        "another process of Usher's{holder} is at work on {}, and SQLite's file takes one at a time. Stop that one first; several servers need PostgreSQL or MariaDB/MySQL",
        path.display()
    )
}
