//! Access tokens (OAuth 2.0, RFC 6749 §1.4) in the place of a password. They live for an hour or so;
//! whoever gets them from the mail service, with a refresh token or a certificate, is a program of
//! its own, which writes them to a file or prints them.

use std::{path::PathBuf, process::Stdio};

use secrecy::{ExposeSecret, SecretString};
use tokio::{process::Command, sync::Mutex};

use super::error::SmtpError;
use crate::Hidden;

/// Where they come from.
pub(super) enum Source {
    /// Read anew for each token; white space around it is dropped.
    File(PathBuf),
    /// What it prints.
    Command(Vec<String>),
}

pub(super) struct Tokens {
    source: Source,
    /// Used until the server refuses it.
    current: Mutex<Option<SecretString>>,
    hidden: Hidden,
}

impl Tokens {
    pub fn new(source: Source, hidden: Hidden) -> Self {
        Self {
            source,
            current: Mutex::default(),
            hidden,
        }
    }

    /// The one to log in with. A command is asked once until [`renew`](Self::renew).
    pub async fn current(&self) -> Result<String, SmtpError> {
        let mut current = self.current.lock().await;
        match (&self.source, &*current) {
            (Source::Command(_), Some(token)) => Ok(token.expose_secret().to_owned()),
            _ => self.fetch(&mut current).await,
        }
    }

    /// Gets a new one after the last one was refused, and says whether it is another.
    pub async fn renew(&self) -> Result<bool, SmtpError> {
        let mut current = self.current.lock().await;
        let refused = current.take();
        let token = self.fetch(&mut current).await?;
        Ok(refused.is_none_or(|refused| refused.expose_secret() != token))
    }

    async fn fetch(&self, current: &mut Option<SecretString>) -> Result<String, SmtpError> {
        let text = match &self.source {
            Source::File(path) => tokio::fs::read_to_string(path).await.map_err(|error| {
                SmtpError::connecting(format!(
                    "oauth2_token_file: cannot read {}: {error}",
                    path.display()
                ))
            })?,
            Source::Command(words) => printed_by(words).await?,
        };
        let token = text.trim();
        // RFC 6750 §2.1 knows no others.
        let is_token = |c: char| c.is_ascii_graphic();
        if token.is_empty() || !token.chars().all(is_token) {
            return Err(SmtpError::connecting(format!(
                "{} gives no access token, but something else",
                self.source.key()
            )));
        }
        let before = current.replace(token.into());
        self.hidden
            .replace(before.as_ref().map(SecretString::expose_secret), token);
        Ok(token.to_owned())
    }
}

impl Source {
    fn key(&self) -> &'static str {
        match self {
            Self::File(_) => "oauth2_token_file",
            Self::Command(_) => "oauth2_token_command",
        }
    }
}

/// What it says on standard error is not told: it may hold secrets that nobody here knows.
async fn printed_by(words: &[String]) -> Result<String, SmtpError> {
    let [program, arguments @ ..] = words else {
        return Err(SmtpError::connecting("oauth2_token_command is empty"));
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| {
            SmtpError::connecting(format!(
                "oauth2_token_command: cannot run {program}: {error}"
            ))
        })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(SmtpError::connecting(format!(
            "oauth2_token_command: {program} failed with {}; run it by hand to see why",
            output.status
        )))
    }
}
