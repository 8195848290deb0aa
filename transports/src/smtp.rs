//! The `smtp` transport: hands mails to a mail server (RFC 5321), with lettre's client over
//! rustls. Here are its settings, its constructor and its `send`; below it are `session.rs` (one
//! connection), `pool.rs` (those that are kept), `reply.rs` (what a reply means), `stream.rs` (the
//! time before TLS) and `trouble.rs` (what to say when it fails).
//!
//! - **All or nothing.** A mail goes to all of its recipients or to none: the first one who is
//!   refused ends the attempt before the mail is transmitted, with that refusal's code.
//! - **TLS** is required unless the settings say otherwise; certificates are always verified.
//! - **Passwords** (`AUTH PLAIN` or `LOGIN`) never go over an unencrypted connection, except with
//!   `tls = "none"`, which says so.
//! - **Time-outs** are three: to connect, for one command, and for the mail itself, from its first
//!   octet to the server's answer to the final dot. lettre has none for a command; they are
//!   around its calls. While connecting, a time-out means that the server is unavailable, later
//!   only that this attempt failed.
//! - **A connection is kept** for the next mail, and replaced once, silently, when the server
//!   has closed it in the meantime.

mod pool;
mod reply;
mod session;
mod stream;
mod trouble;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use lettre::{
    address::Envelope,
    transport::smtp::{
        client::{Certificate, CertificateStore, TlsParameters},
        extension::ClientId,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use self::{pool::Pool, session::Session, trouble::Trouble};
use crate::{ConfigError, Context, Delivery, Mail, SendError, Transport, message, secrets};

/// How the transport is called in the configuration.
pub const NAME: &str = "smtp";

/// `[mail.smtp]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The server's name or address. Its certificate has to be for it.
    pub host: String,
    /// 587 for submission; 465 with `tls = "implicit"`; 25 between servers.
    pub port: u16,
    /// Whether, and how, the connection is encrypted.
    pub tls: Tls,
    /// No authentication where it is empty.
    pub username: String,
    /// Never shown, not even by `Debug`.
    #[serde(deserialize_with = "secrets::setting")]
    pub password: SecretString,
    /// Certificates (PEM) to trust, in the place of the public authorities.
    pub ca_file: PathBuf,
    /// How this host calls itself (RFC 5321 §4.1.4); its own name where it is empty.
    pub helo_name: String,
    /// From looking up the name to the end of the authentication, over all of its addresses.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// For the answer to one command.
    #[serde(with = "humantime_serde")]
    pub command_timeout: Duration,
    /// For the mail itself and the answer to its final dot. Giving up too early makes the
    /// recipient get it twice, so that RFC 5321 §4.5.3.2.6 asks for ten minutes.
    #[serde(with = "humantime_serde")]
    pub data_timeout: Duration,
    /// The most connections at a time; further mails wait for one.
    pub pool_size: usize,
    /// How long a connection may lie idle and still be used.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "localhost".into(),
            port: 587,
            tls: Tls::Required,
            username: String::new(),
            password: SecretString::default(),
            ca_file: PathBuf::new(),
            helo_name: String::new(),
            connect_timeout: Duration::from_secs(30),
            command_timeout: Duration::from_secs(60),
            data_timeout: Duration::from_secs(600),
            pool_size: 4,
            idle_timeout: Duration::from_secs(60),
        }
    }
}

/// Whether a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// With `STARTTLS` (RFC 3207), or not at all.
    Required,
    /// With `STARTTLS` where the server offers it. Whoever can change what is on the line can
    /// take the offer away; no password is sent then.
    Opportunistic,
    /// Never.
    None,
    /// From the first octet (RFC 8314 §3).
    Implicit,
}

/// Hands mails to a mail server.
pub struct Smtp {
    server: Server,
    pool: Pool,
}

/// What a new connection needs to know.
struct Server {
    settings: Settings,
    /// Absent with [`Tls::None`].
    tls: Option<TlsParameters>,
    helo_name: ClientId,
}

impl Smtp {
    async fn deliver(&self, envelope: &Envelope, message: &str) -> Result<String, Trouble> {
        // Held until the end: it stands for one of the connections.
        let _slot = self.pool.slot().await;
        if let Some(mut session) = self.pool.take() {
            let done = session.deliver(&self.server, envelope, message).await;
            if !matches!(&done, Err(trouble) if trouble.was_stale) {
                self.pool.keep(session);
                return done;
            }
        }
        let mut session = Session::connect(&self.server).await?;
        let done = session.deliver(&self.server, envelope, message).await;
        self.pool.keep(session);
        done
    }
}

#[async_trait::async_trait]
impl Transport for Smtp {
    async fn send(&self, mail: &Mail) -> Result<Delivery, SendError> {
        let envelope = message::envelope(mail).map_err(|error| error.of(NAME))?;
        let message = mail.format().map_err(|error| error.of(NAME))?;
        // Always UTF-8, and only with an internationalised address not ASCII.
        let message = String::from_utf8_lossy(&message);
        match self.deliver(&envelope, &message).await {
            Ok(response) => Ok(Delivery::new(NAME, response)),
            Err(trouble) => Err(trouble.into()),
        }
    }

    async fn check(&self) -> Result<(), SendError> {
        let session = Session::connect(&self.server).await?;
        session.quit(&self.server).await;
        Ok(())
    }

    /// With `MAIL FROM` and `RSET` (RFC 5321 §4.1.1.5), which leave nothing behind. A server that
    /// answers for the sender only once it knows a recipient, as Postfix does unless told
    /// otherwise, cannot be asked like this.
    async fn check_sender(&self, from: &str) -> Result<(), SendError> {
        let sender = message::sender(from).map_err(|error| error.of(NAME))?;
        let mut session = Session::connect(&self.server).await?;
        let asked = session.ask_for_sender(&self.server, &sender).await;
        session.quit(&self.server).await;
        Ok(asked?)
    }
}

pub(crate) fn build(context: &Context<'_>) -> Result<Arc<dyn Transport>, ConfigError> {
    let settings: Settings = context.settings()?;
    context.hide(settings.password.expose_secret());
    if settings.host.trim().is_empty() {
        return Err(context.error("host", "is empty; name the mail server"));
    }
    if settings.pool_size == 0 {
        return Err(context.error("pool_size", "is 0; it must be at least 1"));
    }
    for (key, limit) in [
        ("connect_timeout", settings.connect_timeout),
        ("command_timeout", settings.command_timeout),
        ("data_timeout", settings.data_timeout),
    ] {
        context.must_last(key, limit)?;
    }
    let tls = match settings.tls {
        Tls::None => None,
        _ => Some(tls_parameters(&settings).map_err(|problem| context.error("ca_file", problem))?),
    };
    let helo_name = match settings.helo_name.as_str() {
        "" => ClientId::default(),
        name if name.chars().all(|c| c.is_ascii_graphic()) => ClientId::Domain(name.into()),
        name => return Err(context.error("helo_name", format!("{name:?} is not a host name"))),
    };
    Ok(Arc::new(Smtp {
        pool: Pool::new(settings.pool_size, settings.idle_timeout),
        server: Server {
            settings,
            tls,
            helo_name,
        },
    }))
}

fn tls_parameters(settings: &Settings) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if !settings.ca_file.as_os_str().is_empty() {
        let path = settings.ca_file.display();
        let pem = fs::read_to_string(&settings.ca_file)
            .map_err(|error| format!("cannot read {path}: {error}"))?;
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(format!("{path} contains no PEM certificate"));
        }
        let certificate = Certificate::from_pem(pem.as_bytes())
            .map_err(|error| format!("cannot use {path}: {error}"))?;
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate);
    }
    builder.build().map_err(|error| error.to_string())
}
