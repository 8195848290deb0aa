//! What to say when SMTP fails, in one plain sentence each. What a refusal means for the mail is
//! decided in `verdict.rs`.

use std::{error::Error as StdError, io, time::Duration};

use rustls::{CertificateError, InvalidMessage};

use super::{
    NAME, Settings,
    reply::Reply,
    verdict::{Step, verdict},
};
use crate::{Failure, SendError};

/// A mail did not go through, or there is no connection to send it through.
#[derive(Debug)]
pub(super) struct SmtpError {
    pub failure: Failure,
    pub response: String,
    /// What became of the connection.
    pub connection: Connection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// The server answered, and will answer again.
    Open,
    /// The same, but it said "not now".
    OpenNotNow,
    /// It broke, or the server took leave of it.
    Lost,
    /// The server is silent, or says things out of turn.
    Unusable,
    /// The server does not know us: with another access token it may.
    LoginRefused,
}

impl From<SmtpError> for SendError {
    fn from(trouble: SmtpError) -> Self {
        Self::new(trouble.failure, NAME, trouble.response)
    }
}

impl SmtpError {
    /// There is no connection.
    pub fn connecting(response: impl Into<String>) -> Self {
        Self {
            failure: Failure::Unavailable,
            response: response.into(),
            connection: Connection::Unusable,
        }
    }

    fn unusable(response: String) -> Self {
        Self {
            failure: Failure::Transient,
            ..Self::connecting(response)
        }
    }

    /// The mail is not one that this server could take.
    pub fn unfit(response: String) -> Self {
        Self {
            failure: Failure::Permanent,
            response,
            connection: Connection::Open,
        }
    }

    /// The server did not answer. It may do better next time, or with another mail.
    pub fn timed_out(what: &str, limit: Duration) -> Self {
        Self::unusable(format!("no reply to {what} within {limit:?}"))
    }

    /// A reply that is no refusal and yet not the one that has to come.
    pub fn unexpected(what: &str, reply: &Reply) -> Self {
        Self::unusable(format!(
            "unexpected reply to {what}: {}",
            reply.reply_line()
        ))
    }

    /// The server has said something that nobody asked for.
    pub fn out_of_turn(what: &str, reply: &Reply) -> Self {
        let said = reply.reply_line();
        Self {
            connection: Connection::Lost,
            ..Self::unusable(format!(
                "before {what}, the server said out of turn: {said}"
            ))
        }
    }

    pub fn lost(what: &str, error: &io::Error) -> Self {
        Self {
            connection: Connection::Lost,
            ..Self::unusable(format!(
                "{what}: the connection was lost: {}",
                innermost(error)
            ))
        }
    }

    /// `what` was refused.
    pub fn refused(step: Step, what: &str, reply: &Reply) -> Self {
        let (failure, said) = (verdict(step, reply), reply.reply_line());
        let response = match (failure, reply.code) {
            // Nothing that we have said is to blame.
            (Failure::Unavailable, 400..500) => {
                format!("the mail server takes no mail at the moment: at {what}, it replied {said}")
            }
            _ => format!("{what} was rejected: {said}"),
        };
        Self {
            failure,
            response,
            connection: match reply.code {
                _ if reply.is_cut => Connection::Lost,
                // The server closes (RFC 5321 §3.8).
                421 => Connection::Lost,
                400..500 => Connection::OpenNotNow,
                _ => Connection::Open,
            },
        }
    }

    /// Whether the server waits for the next command.
    pub fn leaves_open(&self) -> bool {
        matches!(self.connection, Connection::Open | Connection::OpenNotNow)
    }

    /// The connection is an old one, and a new one is worth an attempt at once: nothing of the
    /// mail has been transmitted, and what was said is more likely about the connection. Amazon SES
    /// answers the first command after a lull with 451.
    pub fn is_of_connection(&self, is_first: bool) -> bool {
        match self.connection {
            Connection::Lost => true,
            Connection::OpenNotNow => is_first,
            Connection::Open | Connection::Unusable | Connection::LoginRefused => false,
        }
    }
}

/// What the server said instead of a session.
pub(super) fn replied(reply: &Reply, settings: &Settings) -> SmtpError {
    let said = reply.reply_line();
    SmtpError::connecting(format!("{} replied {said}", settings.host))
}

/// What kept a connection from coming about.
pub(super) fn explain(error: &io::Error, settings: &Settings) -> SmtpError {
    let Settings { host, port, .. } = settings;
    SmtpError::connecting(match find::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(problem)) => certificate(problem, host),
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            format!("{host} does not speak TLS on port {port}")
        }
        Some(problem) => format!("TLS with {host} failed: {problem}"),
        None => format!(
            "cannot connect to {host} on port {port}: {}",
            innermost(error)
        ),
    })
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
