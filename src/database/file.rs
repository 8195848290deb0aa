//! SQLite's file: where it is, how it comes into being, and that its owner alone can read it. It holds
//! password hashes, and links that still work.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf, absolute};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use url::form_urlencoded;

use super::sqlite::Access;

/// What SQLite keeps beside the file, under the file's own name with this behind it.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// How to name another database.
pub(super) const ELSEWHERE: &str = "If the server's database is another one, run this command in the server's folder, or name its configuration with --config FILE or its database with --set database.url=…; `usher migrate` and `usher serve` create a new one";

/// The file of a SQLite database, whether or not it is there.
#[derive(Clone, Debug)]
pub struct DatabaseFile {
    path: PathBuf,
    may_be_created: bool,
    access: Access,
}

impl DatabaseFile {
    /// The file that a database's address names; none, if the database is not SQLite's.
    ///
    /// # Errors
    ///
    /// A reason: the address cannot be read, or names no file.
    pub fn of(url: &str) -> Result<Option<Self>, String> {
        if !url.starts_with("sqlite:") {
            return Ok(None);
        }
        let options: SqliteConnectOptions = url
            .parse()
            .map_err(|error: sea_orm::sqlx::Error| error.to_string())?;
        let (_, parameters) = url.split_once('?').unwrap_or_default();
        let has_mode = |mode| {
            form_urlencoded::parse(parameters.as_bytes())
                .any(|(key, value)| key == "mode" && value == mode)
        };
        if url.contains(":memory:") || has_mode("memory") {
            return Err(
                "an in-memory database cannot be shared by several connections; name a file"
                    .to_owned(),
            );
        }
        let path = options.get_filename().to_owned();
        if path.as_os_str().is_empty() {
            return Err("the address names no file".to_owned());
        }
        Ok(Some(Self {
            path,
            may_be_created: has_mode("rwc"),
            access: if has_mode("ro") {
                Access::ReadOnly
            } else {
                Access::Full
            },
        }))
    }

    /// Where it is, from the root.
    pub fn path(&self) -> PathBuf {
        absolute(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// What the address says may be done with it.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Refuses one that is not there, and says where it was looked for.
    ///
    /// # Errors
    ///
    /// A sentence that says where the file was looked for.
    pub fn must_exist(&self) -> Result<(), String> {
        if self.exists() {
            Ok(())
        } else {
            Err(format!(
                "{} does not exist. {ELSEWHERE}",
                self.path().display()
            ))
        }
    }

    /// Creates it, if it is missing and the address says `mode=rwc`. Left to itself, SQLite would
    /// create one that everybody can read; what it keeps beside the file has the file's own mode.
    ///
    /// # Errors
    ///
    /// Why there is no file, in words for the operator.
    pub fn create_if_missing(&self) -> Result<(), String> {
        // One that is there must not even be opened: to close it again would give up the locks that
        // this process holds on it.
        if self.exists() {
            return Ok(());
        }
        if !self.may_be_created {
            return Err(
                "the file does not exist; with ?mode=rwc at its end, the address says to create it"
                    .to_owned(),
            );
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&self.path) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!(
                "the file cannot be created: {error}; does the folder exist, and may this user write to it?"
            )),
        }
    }

    /// Takes from everybody but the owner what permissions they have on it and on what SQLite keeps
    /// beside it, and says so in the log.
    pub fn make_private(&self) {
        let open = self.readable_by_others();
        if open.is_empty() {
            return;
        }
        let names: Vec<_> = open.iter().map(|path| path.to_string_lossy()).collect();
        let names = names.join(", ");
        match open.iter().try_for_each(|path| make_private(path)) {
            Ok(()) => tracing::warn!(
                "database: other users of this machine could read {names}; now only the owner can"
            ),
            Err(error) => tracing::warn!(
                "database: other users of this machine can read {names}, and this user cannot change that: {error}"
            ),
        }
    }

    /// Which of the database's files others than their owner have permissions on.
    pub fn readable_by_others(&self) -> Vec<PathBuf> {
        let path = self.real_path();
        std::iter::once(path.clone())
            .chain(companions(&path))
            .filter(|path| is_readable_by_others(path))
            .collect()
    }

    /// Where it is once symbolic links are followed, as SQLite does before it names what it keeps
    /// beside the file.
    pub fn real_path(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path())
    }
}

/// What SQLite keeps beside a file, whether or not it is there.
pub(super) fn companions(path: &Path) -> impl Iterator<Item = PathBuf> {
    COMPANIONS.iter().map(|end| beside(path, end))
}

/// The file's own name with this behind it.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// The address of a file, with these parameters.
///
/// # Errors
///
/// A name that is no Unicode, which an address cannot hold.
pub(super) fn address_of(path: &Path, scheme: &str, parameters: &str) -> Result<String, String> {
    const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'.')
        .remove(b'_');
    let path = utf8_percent_encode(unicode(path)?, IN_A_PATH);
    Ok(format!("{scheme}:{path}?{parameters}"))
}

/// The name of a file as SQLite takes it.
///
/// # Errors
///
/// A name that is no Unicode.
pub(super) fn unicode(path: &Path) -> Result<&str, String> {
    path.to_str()
        .ok_or_else(|| format!("{}: the name is not Unicode", path.display()))
}

/// Gives a new file beside a database to the database's owner, or else to the folder's, where this user
/// may: what an administrator's command has created, the server must be able to use.
#[cfg(unix)]
pub(super) fn give_to_owner_of(database: &Path, new: &fs::File) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let folder = database.parent().unwrap_or(Path::new("/"));
    let like = fs::metadata(database).or_else(|_| fs::metadata(folder));
    let (Ok(like), Ok(now)) = (like, new.metadata()) else {
        return;
    };
    if (like.uid(), like.gid()) != (now.uid(), now.gid()) {
        // Only the superuser may; for anybody else it is their own already.
        let _ = fchown(new, Some(like.uid()), Some(like.gid()));
    }
}

/// Elsewhere, a file has the owner of its folder.
#[cfg(not(unix))]
pub(super) fn give_to_owner_of(_: &Path, _: &fs::File) {}

#[cfg(unix)]
const OTHERS: u32 = 0o077;

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & OTHERS != 0)
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = match fs::metadata(path) {
        // What SQLite keeps beside the file comes and goes.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file?.permissions(),
    };
    permissions.set_mode(permissions.mode() & !OTHERS);
    fs::set_permissions(path, permissions)
}

/// Elsewhere, a file has the permissions of its folder.
#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}
