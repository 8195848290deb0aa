//! Whether SQLite's file can be worked with: by this user, on this disk, as it is.

use std::path::Path;

use rusqlite::Connection;
use rustix::fs::{Access as Allowed, access, statvfs};

use super::file::{self, DatabaseFile};
use super::sqlite::Access;
use super::{Database, Source, backup, explained, trouble};
use sea_orm::DbBackend;

/// How much is written to see whether anything can be: more than stays in memory.
const TRIED: i64 = 1 << 20;

impl DatabaseFile {
    /// Refuses a file that this process may not work with.
    ///
    /// # Errors
    ///
    /// A sentence that says whose it is, and what to do.
    pub fn may_be_used(&self) -> Result<(), String> {
        if self.access() == Access::ReadOnly {
            return Err(
                "the address says mode=ro, and Usher has to write; only `usher backup` does not"
                    .to_owned(),
            );
        }
        let path = self.real_path();
        if path.is_dir() {
            return Err(format!("{} is a folder", path.display()));
        }
        let read_and_write = Allowed::READ_OK | Allowed::WRITE_OK;
        let companions = file::companions(&path).filter(|companion| companion.exists());
        for file in std::iter::once(path.clone()).chain(companions) {
            must_allow(&file, read_and_write)?;
        }
        // What SQLite keeps beside the file comes and goes.
        must_allow(&backup::folder_of(&path), read_and_write | Allowed::EXEC_OK)
    }

    /// Has SQLite look through the file, in less time than a complete check takes.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong.
    pub fn quick_check(&self) -> Result<(), String> {
        let database = backup::open_in_use(&self.path())?;
        backup::checked_by(&database, "PRAGMA quick_check(1)")
    }

    /// How many bytes there is room for on its disk.
    pub fn free_space(&self) -> Option<u64> {
        let disk = statvfs(backup::folder_of(&self.real_path())).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Writes to the disk, and takes it back.
    fn try_writing(&self) -> Result<(), String> {
        let database = backup::open_in_use(&self.path())?;
        let write = |database: &Connection| {
            // What does not fit into memory goes to the disk before it is committed.
            database.pragma_update(None, "cache_size", 10)?;
            database.execute_batch("BEGIN IMMEDIATE; CREATE TABLE tried (filling BLOB)")?;
            database.execute("INSERT INTO tried VALUES (zeroblob(?1))", [TRIED])?;
            database.execute_batch("ROLLBACK")
        };
        write(&database).map_err(|error| trouble::in_words(&error))
    }
}

impl Database {
    /// Writes, and takes it back. The schema is this version's; where the file is SQLite's, it is `file`.
    ///
    /// # Errors
    ///
    /// A sentence that says why nothing can be written.
    pub async fn try_writing(&self, file: Option<DatabaseFile>) -> Result<(), String> {
        if let (DbBackend::Sqlite, Some(file)) = (self.read().backend(), file) {
            let tried = tokio::task::spawn_blocking(move || file.try_writing()).await;
            return tried.unwrap_or_else(|error| Err(error.to_string()));
        }
        let write = async {
            let transaction = self.begin().await?;
            transaction
                .execute_batch("UPDATE revisions SET revision = revision + 1")
                .await?;
            transaction.rollback().await
        };
        write.await.map_err(|error| explained(&error))
    }
}

/// Refuses a file or a folder that does not allow that.
fn must_allow(path: &Path, what: Allowed) -> Result<(), String> {
    let Err(error) = access(path, what) else {
        return Ok(());
    };
    let shown = path.display();
    let reason = match error {
        rustix::io::Errno::ACCESS => {
            let whose = owner_of(path).map_or_else(String::new, |owner| {
                format!(" belongs to user number {owner}, and")
            });
            format!(
                "{shown}{whose} may not be written to by user number {}, who runs this; run it as the owner, or give the file to whoever shall run it: chown",
                rustix::process::geteuid().as_raw()
            )
        }
        rustix::io::Errno::ROFS => format!("{shown} lies on a disk that is mounted read-only"),
        error => format!("{shown}: {error}"),
    };
    Err(reason)
}

fn owner_of(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| file.uid())
}
