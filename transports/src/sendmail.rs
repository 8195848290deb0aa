//! The `sendmail` transport: pipes mails to the command that Postfix, Exim, Sendmail and others
//! bring for local programs. The mail server behind it takes them from there.
//!
//! All recipients go to one call. Where the server refuses one of them after that, it tells the
//! sender's mailbox, not us.

use std::{
    io,
    path::PathBuf,
    pin::pin,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use lettre::address::Envelope;
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use crate::{ConfigError, Context, Delivery, Failure, Mail, SendError, Transport, message};

/// How the transport is called in the configuration.
pub const NAME: &str = "sendmail";

/// How much of what the command prints is kept.
const OUTPUT: u64 = 4096;

/// How long to wait for the end of the output after the end of the command: a process that it left
/// behind may hold on to it for as long as it likes.
const LINGER: Duration = Duration::from_millis(500);

/// `[mail.sendmail]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The program; it is run without a shell.
    pub path: PathBuf,
    /// How long it may take. It is killed then, and the mail is tried again later.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: "/usr/sbin/sendmail".into(),
            timeout: Duration::from_secs(60),
        }
    }
}

/// Pipes mails to a command.
#[derive(Debug)]
pub struct Sendmail {
    settings: Settings,
}

impl Sendmail {
    /// Pipes mails to the settings' command.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn error(&self, kind: Failure, problem: &str) -> SendError {
        let path = self.settings.path.display();
        SendError::new(kind, NAME, format!("{path} {problem}"))
    }

    /// `-i`: a lone dot is not the end. `--`: an address that begins with `-` is not an option.
    fn command(&self, envelope: &Envelope) -> Command {
        let mut command = Command::new(&self.settings.path);
        command.arg("-i");
        if let Some(from) = envelope.from() {
            command.arg("-f").arg(AsRef::<str>::as_ref(from));
        }
        command.arg("--");
        command.args(envelope.to().iter().map(AsRef::<str>::as_ref));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

pub(crate) fn build(context: &Context<'_>) -> Result<Arc<dyn Transport>, ConfigError> {
    let settings: Settings = context.settings()?;
    context.must_last("timeout", settings.timeout)?;
    Ok(Arc::new(Sendmail::new(settings)))
}

#[async_trait::async_trait]
impl Transport for Sendmail {
    async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
        let envelope = message::envelope(mail).map_err(|error| error.of(NAME))?;
        let content = mail.format().map_err(|error| error.of(NAME))?;
        let mut running = Running::start(self.command(&envelope)).map_err(|error| {
            self.error(Failure::Unavailable, &format!("cannot be run: {error}"))
        })?;
        let limit = self.settings.timeout;
        let done = timeout(limit, running.finish(&unix(&content)))
            .await
            .map_err(|_| self.error(Failure::Transient, &format!("took longer than {limit:?}")))?;
        let (status, output) =
            done.map_err(|error| self.error(Failure::Transient, &format!("failed: {error}")))?;
        match failure(status) {
            None if output.is_empty() => Ok(Delivery::new(NAME, "accepted")),
            None => Ok(Delivery::new(NAME, output)),
            Some(kind) => Err(self.error(kind, &format!("failed with {status}: {output}"))),
        }
    }

    /// Whether there is such a command. Running it would tell no more: without a mail it does
    /// not talk to the server.
    async fn check(&self) -> Result<(), SendError> {
        let unavailable = |problem: &str| self.error(Failure::Unavailable, problem);
        let metadata = tokio::fs::metadata(&self.settings.path)
            .await
            .map_err(|error| unavailable(&format!("cannot be run: {error}")))?;
        if metadata.is_file() && is_executable(&metadata) {
            Ok(())
        } else {
            Err(unavailable("is not an executable file"))
        }
    }
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &std::fs::Metadata) -> bool {
    true
}

/// Local mail has the line ends of local files.
fn unix(content: &[u8]) -> Vec<u8> {
    // CR occurs before LF only: everything else is encoded.
    content.iter().copied().filter(|&b| b != b'\r').collect()
}

/// The command while it runs.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Running {
    fn start(mut command: Command) -> io::Result<Self> {
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        Ok(Self { child, stdin })
    }

    /// Writes the mail and waits for the end; returns the status and what was printed.
    async fn finish(&mut self, content: &[u8]) -> io::Result<(ExitStatus, String)> {
        let Self { child, stdin } = self;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let written = match stdin {
                Some(stdin) => stdin.write_all(content).await,
                None => Ok(()),
            };
            // The end of the mail.
            *stdin = None;
            child.wait().await.map(|status| (status, written))
        };
        // At the same time: a command that prints while nobody reads would stop reading too.
        let output = async { tokio::join!(head(stderr), head(stdout)) };
        let (mut work, mut output) = (pin!(work), pin!(output));
        let mut printed = None;
        let (status, written) = loop {
            tokio::select! {
                done = &mut work => break done?,
                all = &mut output, if printed.is_none() => printed = Some(all),
            }
        };
        if status.success() {
            // It stopped reading before the end: what it took is not the mail.
            written?;
        }
        let (stderr, stdout) = match printed {
            Some(printed) => printed,
            None => timeout(LINGER, output).await.unwrap_or_default(),
        };
        let printed = format!("{} {}", stderr.trim(), stdout.trim());
        Ok((status, printed.trim().to_owned()))
    }
}

impl Drop for Running {
    /// Kills before standard input is closed: half of a mail must not look like a whole one.
    fn drop(&mut self) {
        // Nothing to kill once it has ended.
        let _ = self.child.start_kill();
    }
}

/// The beginning of what is printed; the rest is read and forgotten.
async fn head(output: Option<impl AsyncRead + Unpin>) -> String {
    let mut head = Vec::new();
    if let Some(mut output) = output {
        // Whatever was read until an error is still worth showing.
        let _ = (&mut output).take(OUTPUT).read_to_end(&mut head).await;
        let _ = tokio::io::copy(&mut output, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// What an exit status says: `sysexits.h`.
fn failure(status: ExitStatus) -> Option<Failure> {
    match status.code() {
        Some(0) => None,
        // DATAERR, NOINPUT, NOUSER: this mail or its recipient.
        Some(65..=67) => Some(Failure::Permanent),
        // USAGE, OSERR, OSFILE, CANTCREAT, NOPERM, CONFIG, and the shell's "not executable" and
        // "not found": the installation.
        Some(64 | 71..=73 | 77 | 78 | 126 | 127) => Some(Failure::Unavailable),
        // TEMPFAIL, IOERR, PROTOCOL, SOFTWARE. UNAVAILABLE too: it is used for whatever else goes
        // wrong, with the server or with the mail. NOHOST: the recipient's, but msmtp says it of the
        // mail server's, when names cannot be looked up. And any other number or signal.
        _ => Some(Failure::Transient),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn exit_statuses() {
        use std::os::unix::process::ExitStatusExt;
        for (codes, expected) in [
            (&[0][..], None),
            (&[65, 66, 67], Some(Failure::Permanent)),
            (&[1, 68, 69, 70, 74, 75, 76], Some(Failure::Transient)),
            (&[64, 71, 72, 73, 77, 78, 127], Some(Failure::Unavailable)),
        ] {
            for code in codes {
                assert_eq!(failure(ExitStatus::from_raw(code << 8)), expected, "{code}");
            }
        }
        let killed = ExitStatus::from_raw(9);
        assert_eq!(failure(killed), Some(Failure::Transient));
    }

    #[tokio::test]
    async fn a_missing_command_is_unavailable() {
        let sendmail = Sendmail::new(Settings {
            path: "/nonexistent/sendmail".into(),
            ..Settings::default()
        });
        for error in [
            sendmail.check().await.unwrap_err(),
            sendmail.send(&crate::test_mail()).await.unwrap_err(),
        ] {
            assert_eq!(error.kind, Failure::Unavailable);
            assert!(
                error
                    .response
                    .starts_with("/nonexistent/sendmail cannot be run: ")
            );
        }
    }

    #[test]
    fn the_executable_bit_counts() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(!is_executable(&std::fs::metadata(path).unwrap()));
    }
}
