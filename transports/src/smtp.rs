//! The `smtp` transport: hands mails to a mail server (RFC 5321). Here are its settings, its
//! constructor and its `send`; below it are `connect.rs` (how a connection comes about), `auth.rs` and
//! `tokens.rs` (logging in), `session.rs` and `command.rs` (a mail's way through it), `pool.rs` (those
//! that are kept), `wire.rs` and `reply.rs` (what goes over the line), `verdict.rs` (what a refusal
//! means) and `error.rs` (what to say when it fails).
//!
//! - **All or nothing.** A mail goes to all of its recipients or to none: the first one who is
//!   refused ends the attempt before the mail is transmitted, with that refusal's code.
//! - **TLS** is required unless the settings say otherwise; certificates are always verified.
//! - **Passwords and access tokens** never go over an unencrypted connection, except with
//!   `tls = "none"`, which says so.
//! - **Time-outs** are three: to connect, for one command, and for the mail itself, from its first
//!   octet to the server's answer to the final dot. While connecting, a time-out means that the
//!   server is unavailable, later only that this attempt failed.
//! - **In one go** (`PIPELINING`, RFC 2920), where the server offers it, go the commands that announce
//!   a mail.
//! - **A connection is kept** for the next mail. One that the server has closed or spoken on in the
//!   meantime is not used, and one that fails before anything of the next mail was transmitted
//!   is replaced once, silently.

mod auth;
mod command;
mod connect;
mod error;
mod pool;
mod reply;
mod session;
mod tokens;
mod verdict;
mod wire;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use lettre::address::Envelope;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use self::{
    error::SmtpError,
    pool::Pool,
    session::{Failed, Session},
    tokens::{Source, Tokens},
};
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
    /// An access token in the place of the password (OAuth 2.0; XOAUTH2 and OAUTHBEARER): the file
    /// that it is in, which is read for each connection.
    pub oauth2_token_file: PathBuf,
    /// The same: a program, with its arguments, that prints it. It is run again when the server
    /// refuses the token.
    pub oauth2_token_command: Vec<String>,
    /// Certificates (PEM) to trust, in the place of the public authorities.
    pub ca_file: PathBuf,
    /// How this host calls itself (RFC 5321 §4.1.4). Where it is empty, its own name if that is a full
    /// one, otherwise the address that it connects from.
    pub helo_name: String,
    /// From looking up the name to the end of the authentication, however many addresses it has.
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
            oauth2_token_file: PathBuf::new(),
            oauth2_token_command: Vec::new(),
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
    settings: Arc<Settings>,
    /// What is looked up: the host without brackets, in ASCII.
    name: String,
    /// Absent with [`Tls::None`].
    tls: Option<wire::Tls>,
    own_name: Option<String>,
    tokens: Option<Tokens>,
}

impl Smtp {
    async fn deliver(&self, envelope: &Envelope, message: &str) -> Result<String, SmtpError> {
        // Held until the end: it stands for one of the connections.
        let _slot = self.pool.slot().await;
        while let Some(mut session) = self.pool.take() {
            if session.has_news().await {
                continue;
            }
            match session.deliver(&self.server, envelope, message).await {
                Err(Failed { is_stale: true, .. }) => break,
                done => return self.done(session, done),
            }
        }
        let mut session = Session::connect(&self.server).await?;
        let done = session.deliver(&self.server, envelope, message).await;
        self.done(session, done)
    }

    fn done(&self, session: Session, done: Result<String, Failed>) -> Result<String, SmtpError> {
        self.pool.keep(session);
        done.map_err(|failed| failed.trouble)
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

    /// With a mail to the sender that goes no further than `RCPT TO`, and `RSET` (RFC 5321 §4.1.1.5),
    /// which leaves nothing behind.
    async fn check_sender(&self, from: &str) -> Result<Option<String>, SendError> {
        let sender = message::sender(from).map_err(|error| error.of(NAME))?;
        let mut session = Session::connect(&self.server).await?;
        let asked = session.probe_sender(&self.server, &sender).await;
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
    let name = settings.host.trim();
    let name = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    let name = if name.is_ascii() {
        name.to_owned()
    } else {
        idna::domain_to_ascii(name).map_err(|error| context.error("host", error))?
    };
    let tls = match settings.tls {
        Tls::None => None,
        _ => Some(wire::Tls {
            config: tls_config(&settings).map_err(|problem| context.error("ca_file", problem))?,
            name: ServerName::try_from(name.clone())
                .map_err(|_| context.error("host", format!("{name:?} is not a host name")))?,
        }),
    };
    if !settings.helo_name.chars().all(|c| c.is_ascii_graphic()) {
        let problem = format!("{:?} is not a host name", settings.helo_name);
        return Err(context.error("helo_name", problem));
    }
    let tokens = tokens(context, &settings)?;
    check_login(context, &settings, tokens.is_some())?;
    Ok(Arc::new(Smtp {
        pool: Pool::new(settings.pool_size, settings.idle_timeout),
        server: Server {
            settings: Arc::new(settings),
            name,
            tls,
            own_name: hostname::get()
                .ok()
                .and_then(|name| name.into_string().ok()),
            tokens,
        },
    }))
}

/// Half of a login, as where the file that was to hold the other half is not named, would be noticed only when an
/// e-mail is refused.
fn check_login(
    context: &Context<'_>,
    settings: &Settings,
    has_tokens: bool,
) -> Result<(), ConfigError> {
    let has_password = !settings.password.expose_secret().is_empty();
    match (settings.username.is_empty(), has_password) {
        (false, false) if !has_tokens => Err(context.error(
            "password",
            "is empty, but username is set; set both or none, or an access token (oauth2_token_file)",
        )),
        (true, true) => Err(context.error(
            "username",
            "is empty, but password is set; set both or none",
        )),
        _ => Ok(()),
    }
}

fn tokens(context: &Context<'_>, settings: &Settings) -> Result<Option<Tokens>, ConfigError> {
    let key = "oauth2_token_command";
    let (file, command) = (&settings.oauth2_token_file, &settings.oauth2_token_command);
    let source = match (file.as_os_str().is_empty(), command.is_empty()) {
        (true, true) => return Ok(None),
        (false, true) => Source::File(file.clone()),
        (true, false) => Source::Command(command.clone()),
        (false, false) => return Err(context.error(key, "set it or oauth2_token_file, not both")),
    };
    if !settings.password.expose_secret().is_empty() {
        return Err(context.error(
            "password",
            "an access token takes its place; set one of them",
        ));
    }
    if settings.username.is_empty() {
        return Err(context.error(
            "username",
            "is empty; name the mailbox that the token is for",
        ));
    }
    Ok(Some(Tokens::new(source, context.hidden())))
}

fn tls_config(settings: &Settings) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    if settings.ca_file.as_os_str().is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    } else {
        let path = settings.ca_file.display();
        let pem =
            fs::read(&settings.ca_file).map_err(|error| format!("cannot read {path}: {error}"))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| format!("cannot use {path}: {error}"))?;
            let added = roots.add(certificate);
            added.map_err(|error| format!("cannot use {path}: {error}"))?;
        }
        if roots.is_empty() {
            return Err(format!("{path} contains no PEM certificate"));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
