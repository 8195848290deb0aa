//! The `file` transport: one `.eml` file a mail, in a Maildir that any mail client can read.
//! Nobody is sent anything.
//!
//! A file is written to `tmp/`, synchronised, and renamed into `new/`, after which the folder is
//! synchronised too: whoever looks into `new/` finds whole mails only, and a mail that was
//! reported as delivered survives a power cut. What a crash leaves in `tmp/` is never read, and
//! mail clients remove it after 36 hours.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::{ConfigError, Context, Delivery, Failure, Mail, SendError, Transport};

/// How the transport is called in the configuration.
pub const NAME: &str = "file";

/// `[mail.file]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The Maildir's folder. It is made when it is not there.
    pub path: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: "mail".into(),
        }
    }
}

/// Writes mails into a Maildir.
#[derive(Debug)]
pub struct Maildir {
    path: PathBuf,
}

impl Maildir {
    /// A Maildir at the settings' path; nothing is made yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            path: settings.path,
        }
    }

    fn error(&self, error: &io::Error) -> SendError {
        let path = self.path.display();
        SendError::new(
            Failure::Unavailable,
            NAME,
            format!("cannot write to the folder {path}: {error}"),
        )
    }

    /// Runs what blocks on a thread that may.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, SendError> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || work(&path))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| self.error(&error))
    }
}

pub(crate) fn build(context: &Context<'_>) -> Result<Arc<dyn Transport>, ConfigError> {
    let settings: Settings = context.settings()?;
    if settings.path.as_os_str().is_empty() {
        return Err(context.error("path", "is empty; name a folder"));
    }
    Ok(Arc::new(Maildir::new(settings)))
}

#[async_trait::async_trait]
impl Transport for Maildir {
    async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
        let content = mail.format().map_err(|error| error.of(NAME))?;
        let name = name(mail.date);
        let caller = Caller::default();
        let gone = Arc::clone(&caller.gone);
        let path = self
            .blocking(move |maildir| deliver(maildir, &name, &content, &gone))
            .await?;
        Ok(Delivery::new(
            NAME,
            format!("written to {}", path.display()),
        ))
    }

    async fn check(&self) -> Result<(), SendError> {
        self.blocking(|maildir| {
            make_folders(maildir)?;
            let probe = maildir.join("tmp").join(name(DateTime::UNIX_EPOCH));
            create(&probe)?;
            fs::remove_file(probe)
        })
        .await
    }
}

/// Tells the thread that writes when nobody waits for it any longer: a blocking task runs on
/// after its future was dropped.
#[derive(Default)]
struct Caller {
    gone: Arc<AtomicBool>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Release);
    }
}

/// A name that no other file has: the time, so that names sort by age, and a number that is used
/// once. A mail that is delivered twice becomes two files.
fn name(date: DateTime<Utc>) -> String {
    #[allow(
        clippy::disallowed_methods,
        reason = "it only has to differ from all others"
    )]
    let unique = Uuid::now_v7();
    format!("{}.{}.eml", date.timestamp_micros(), unique.simple())
}

fn deliver(maildir: &Path, name: &str, content: &[u8], gone: &AtomicBool) -> io::Result<PathBuf> {
    make_folders(maildir)?;
    let tmp = maildir.join("tmp").join(name);
    let new = maildir.join("new");
    let path = new.join(name);
    let delivered = create(&tmp)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        })
        .and_then(|()| {
            if gone.load(Ordering::Acquire) {
                return Err(io::Error::other("sending was cancelled"));
            }
            fs::rename(&tmp, &path)
        });
    if let Err(error) = delivered {
        // The first error is the one to report, and what stays in tmp/ does no harm.
        let _ = fs::remove_file(&tmp);
        return Err(error);
    }
    File::open(&new)?.sync_all()?;
    Ok(path)
}

/// Mails hold secret links: files and folders are for their owner alone.
fn make_folders(maildir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    ["tmp", "new", "cur"]
        .iter()
        .try_for_each(|folder| builder.create(maildir.join(folder)))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: PathBuf) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_cancelled_mail_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let gone = AtomicBool::new(true);
        deliver(folder.path(), "name", b"content", &gone).unwrap_err();
        assert_eq!(files(folder.path().join("new")), 0);
        assert_eq!(files(folder.path().join("tmp")), 0);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let maildir = folder.path().join("mail");
        let path = deliver(&maildir, "name", b"content", &AtomicBool::new(false)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"content");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&maildir.join("new")), 0o700);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_is_unavailable() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let maildir = Maildir::new(Settings {
            path: file.path().join("mail"),
        });
        let error = maildir.check().await.unwrap_err();
        assert_eq!(error.kind, Failure::Unavailable);
        assert!(error.response.starts_with("cannot write to the folder "));
    }
}
