//! What to say when SMTP fails: lettre's errors, in one plain sentence each. What a refusal means
//! for the mail is decided in `reply.rs`.

use std::{error::Error as StdError, io, time::Duration};

use lettre::transport::smtp::Error;
use rustls::{CertificateError, InvalidMessage};

use super::{
    NAME, Settings,
    reply::{Step, classify},
};
use crate::{Failure, SendError};

/// A mail did not go through, or there is no connection to send it through.
#[derive(Debug)]
pub(super) struct Trouble {
    pub failure: Failure,
    pub response: String,
    /// The server answered, and will answer again.
    pub still_open: bool,
    /// The connection was an old one and broke before the mail was mentioned: a new one is worth
    /// an attempt at once.
    pub was_stale: bool,
}

impl From<Trouble> for SendError {
    fn from(trouble: Trouble) -> Self {
        Self::new(trouble.failure, NAME, trouble.response)
    }
}

impl Trouble {
    fn closed(failure: Failure, response: String) -> Self {
        Self {
            failure,
            response,
            still_open: false,
            was_stale: false,
        }
    }

    /// There is no connection.
    pub fn connecting(response: String) -> Self {
        Self::closed(Failure::Unavailable, response)
    }

    /// The server did not answer. It may do better next time, or with another mail.
    pub fn timed_out(what: &str, limit: Duration) -> Self {
        let response = format!("no reply to {what} within {limit:?}");
        Self::closed(Failure::Transient, response)
    }

    /// A reply that is no refusal and yet not the one that has to come.
    pub fn unexpected(what: &str, spoken: &str) -> Self {
        let response = format!("unexpected reply to {what}: {spoken}");
        Self::closed(Failure::Transient, response)
    }

    /// `what` was refused, or the connection broke.
    pub fn at(step: Step, what: &str, error: &Error) -> Self {
        let Some((code, text)) = reply(error) else {
            let response = format!("{what}: the connection was lost: {}", innermost(error));
            return Self::closed(Failure::Transient, response);
        };
        Self {
            failure: classify(step, code, &text),
            response: format!("{what} was rejected: {code} {text}"),
            // After 421 the server closes (RFC 5321 §3.8).
            still_open: code != 421,
            was_stale: false,
        }
    }
}

/// What kept a connection from coming about.
pub(super) fn explain(error: &Error, settings: &Settings) -> String {
    let host = &settings.host;
    if let Some((code, text)) = reply(error) {
        return format!("{host} replied {code} {text}");
    }
    match find::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(problem)) => certificate(problem, host),
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            format!("{host} does not speak TLS on port {}", settings.port)
        }
        Some(problem) => format!("TLS with {host} failed: {problem}"),
        None => cannot_connect(innermost(error), settings),
    }
}

pub(super) fn cannot_connect(error: &dyn StdError, settings: &Settings) -> String {
    let Settings { host, port, .. } = settings;
    format!("cannot connect to {host} on port {port}: {error}")
}

fn certificate(problem: &CertificateError, host: &str) -> String {
    match problem {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate of {host} is for another name ({problem})")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the certificate of {host} has expired ({problem})")
        }
        CertificateError::UnknownIssuer => format!(
            "the certificate of {host} is not trusted: its issuer is unknown; \
             set ca_file to the issuer's certificate"
        ),
        problem => format!("the certificate of {host} is not trusted: {problem}"),
    }
}

/// Code and text, if the error is a reply of the server's.
fn reply(error: &Error) -> Option<(u16, String)> {
    let text = error.source().map(ToString::to_string);
    error
        .status()
        .map(|code| (code.into(), text.unwrap_or_default()))
}

/// The first `T` among what caused the error.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// What began it all.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    causes(error).last().unwrap_or(error)
}

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // An I/O error passes over what it wraps when it is asked for its source.
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}
