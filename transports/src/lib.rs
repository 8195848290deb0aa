//! Mail transports: what hands a finished [`Mail`] over to somebody else, and what it reports
//! back. Nothing here knows of GraphQL, a database, users or a queue.
//!
//! | transport                | what it does                                                    |
//! | ------------------------ | --------------------------------------------------------------- |
//! | [`log`]                  | prints each mail through `tracing`                              |
//! | [`file`](mod@file)       | one `.eml` file a mail, in a Maildir                            |
//! | [`smtp`]                 | a mail server, over TLS unless told otherwise                   |
//! | [`sendmail`]             | the `sendmail` command of a local mail server                   |
//! | [`failover`]             | a list of other transports, the next when one is unavailable    |
//!
//! Each is one file: its settings, its constructor, its `send`. To add one, write such a file,
//! name it in [`Registry::builtin`], give it a section in the annotated configuration and a
//! harness in `tests/conformance.rs`. A crate outside of this repository does the same through
//! [`Registry::register`]:
//!
//! ```
//! use std::{collections::BTreeMap, sync::Arc};
//! use transports::{Context, Delivery, Mail, Registry, SendError, Transport};
//!
//! /// The transport's section, `[mail.pigeon]`.
//! #[derive(serde::Deserialize)]
//! #[serde(default, deny_unknown_fields)]
//! struct Settings {
//!     loft: String,
//! }
//!
//! impl Default for Settings {
//!     fn default() -> Self {
//!         Self { loft: "home".into() }
//!     }
//! }
//!
//! struct Pigeon(Settings);
//!
//! #[async_trait::async_trait]
//! impl Transport for Pigeon {
//!     async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
//!         let message = mail.format().map_err(|error| error.of("pigeon"))?;
//!         Ok(Delivery::new("pigeon", format!("{} bytes left {}", message.len(), self.0.loft)))
//!     }
//!
//!     async fn check(&self) -> Result<(), SendError> {
//!         Ok(())
//!     }
//! }
//!
//! let mut registry = Registry::builtin();
//! registry.register("pigeon", |context: &Context<'_>| Ok(Arc::new(Pigeon(context.settings()?))));
//! let pigeon = registry.build("pigeon", &BTreeMap::new())?;
//! # Ok::<(), transports::ConfigError>(())
//! ```

pub mod failover;
pub mod file;
pub mod log;
mod message;
mod registry;
mod renewable;
mod secrets;
pub mod sendmail;
pub mod smtp;
mod text;

use std::fmt;

use chrono::{DateTime, Utc};

pub use message::{domain_of, is_mailbox, parts_of};
pub use registry::{ConfigError, Context, Registry, Section};
pub use renewable::Renewable;
pub use secrets::{Hidden, Secret, mask_for_log};

/// One message, ready to be handed over.
///
/// All strings may hold any Unicode: [`Mail::format`] makes them safe, and a transport that does
/// not use it has to do so itself. `Debug` masks the mail's secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// With its angle brackets: `<0198…@example.com>`. Fixed when the mail is queued, so that a
    /// mail that arrives twice can be recognised.
    pub message_id: String,
    /// When the mail was queued, not when it is sent.
    pub date: DateTime<Utc>,
    /// A mailbox: `Usher <no-reply@example.com>`.
    pub from: String,
    /// One or more addresses or mailboxes, one a string.
    pub to: Vec<String>,
    /// The subject, as one line.
    pub subject: String,
    /// The text, for those who read text.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// What in it is for its recipient alone: nothing that a transport says shows it.
    pub secrets: Vec<Secret>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mask = |text: &str| secrets::mask(&self.secrets, text);
        f.debug_struct("Mail")
            .field("message_id", &self.message_id)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("subject", &mask(&self.subject))
            .field("text", &mask(&self.text))
            .field("html", &self.html.as_deref().map(mask))
            .finish_non_exhaustive()
    }
}

/// A way of handing mails over.
///
/// One that is built by a [`Registry`] gives no secret away: whatever it says is masked before
/// anybody sees it. What is secret in its settings it names with [`Context::hide`].
///
/// `send` may be dropped at any point. What it was doing then either happens as a whole or not
/// at all: no half of a mail is ever left for someone to find.
#[async_trait::async_trait]
pub trait Transport: Send + Sync {
    /// Hands one mail over, to all of its recipients or to none, and reports what the other side
    /// said.
    async fn send(&self, mail: &Mail) -> Result<Delivery, SendError>;

    /// Tries the connection without sending. The error's `response` says in one sentence what
    /// is wrong.
    async fn check(&self) -> Result<(), SendError>;

    /// The same, and asks whether the other side takes mails from that sender, a mailbox such as
    /// [`Mail::from`]. Where that cannot be asked without sending, it is [`check`](Self::check).
    ///
    /// Where it takes them, but for good no mails *to* the sender, returns what it said about that:
    /// answers, and reports that a mail could not be delivered, would be lost.
    async fn check_sender(&self, from: &str) -> Result<Option<String>, SendError> {
        let _ = from;
        self.check().await.map(|()| None)
    }
}

/// A mail was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The transport that really did it: `failover` reports the one that it fell back to.
    pub transport: String,
    /// The other side's own words.
    pub response: String,
}

impl Delivery {
    /// `response` may come from anywhere: it is cut to a sensible length, and control characters
    /// are taken out.
    pub fn new(transport: impl Into<String>, response: impl AsRef<str>) -> Self {
        Self {
            transport: transport.into(),
            response: text::response(response.as_ref()),
        }
    }
}

/// A mail was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{transport}: {response}")]
pub struct SendError {
    /// Whether, and when, it is worth trying again.
    pub kind: Failure,
    /// The name of the transport that failed; empty for the one that was asked.
    pub transport: String,
    /// The other side's own words, or a sentence where there was no other side.
    pub response: String,
}

impl SendError {
    /// `response` may come from anywhere: it is cut to a sensible length, and control characters
    /// are taken out.
    pub fn new(kind: Failure, transport: impl Into<String>, response: impl AsRef<str>) -> Self {
        Self {
            kind,
            transport: transport.into(),
            response: text::response(response.as_ref()),
        }
    }

    /// The same error, as one of `transport`: what [`Mail::format`] reports belongs to nobody yet.
    #[must_use]
    pub fn of(self, transport: impl Into<String>) -> Self {
        Self {
            transport: transport.into(),
            ..self
        }
    }
}

/// What a failure says, and about what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// This mail, now: another attempt later may well succeed.
    Transient,
    /// This mail, ever: no later attempt will do better.
    Permanent,
    /// The transport itself: no other mail would fare better, and this one is not to blame.
    Unavailable,
}

/// A plain mail for unit tests.
#[cfg(test)]
fn test_mail() -> Mail {
    Mail {
        message_id: "<1@example.com>".into(),
        date: DateTime::UNIX_EPOCH,
        from: "Usher <no-reply@example.com>".into(),
        to: vec!["ada@example.com".into()],
        subject: "Hello".into(),
        text: "Hello\n".into(),
        html: None,
        secrets: vec![],
    }
}
