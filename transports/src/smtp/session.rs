//! One connection to the mail server, and how a mail goes through it. How it comes about is in
//! `connect.rs`, what a refusal means in `verdict.rs`; nothing is retried here.

use std::{io, time::Duration};

use lettre::{Address, address::Envelope};
use tokio::time::timeout;

use super::{
    Server,
    connect::{Extensions, connect},
    error::{Connection, SmtpError},
    reply::Reply,
    verdict::Step,
    wire::Wire,
};
use crate::Failure;

/// `DATA` is answered with this (RFC 5321 §4.1.1.4).
const START_MAIL_INPUT: u16 = 354;

/// How long to look for a reply on a connection that takes no more: a server may refuse a mail
/// before it has seen its end, and hang up.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) struct Session {
    wire: Wire,
    extensions: Extensions,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was sent yet.
    Fresh,
    /// The last mail went through.
    Ready,
    /// The last mail was refused half-way: the server still waits for its other half.
    Refused,
    /// Broken, or in the middle of a mail.
    Closed,
}

/// Why an attempt failed, and whether the connection can be used on.
pub(super) struct Failed {
    pub trouble: SmtpError,
    /// The connection is to blame rather than the mail, of which nothing was transmitted: another
    /// connection is worth an attempt at once.
    pub is_stale: bool,
}

impl Session {
    pub async fn connect(server: &Server) -> Result<Self, SmtpError> {
        let (wire, extensions) = connect(server).await?;
        Ok(Self {
            wire,
            extensions,
            state: State::Fresh,
        })
    }

    /// Whether another mail can go through it.
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    /// Whether the server has said or done anything since the last mail. Whatever it is, nobody has
    /// asked for it.
    pub async fn has_news(&mut self) -> bool {
        self.wire.has_news().await
    }

    /// One mail; returns the server's answer to it.
    ///
    /// Dropped half-way it leaves the connection closed, and a server forgets a mail of which it
    /// did not see the end.
    pub async fn deliver(
        &mut self,
        server: &Server,
        envelope: &Envelope,
        message: &str,
    ) -> Result<String, Failed> {
        let before = std::mem::replace(&mut self.state, State::Closed);
        let is_old = before != State::Fresh;
        let limit = server.settings.command_timeout;
        let fail = |is_stale| move |trouble| Failed { trouble, is_stale };

        let parameters = self.parameters(addresses(envelope), message);
        let parameters = parameters.map_err(fail(false));
        let parameters = self.noted(parameters, before)?;
        let begun = self.begin(before, envelope, &parameters, limit).await;
        let begun = begun.map_err(|trouble| Failed {
            is_stale: is_old && trouble.is_of_connection(true),
            trouble,
        });
        self.noted(begun, State::Refused)?;
        let accepted = self.offer(envelope, limit).await;
        let accepted = accepted.map_err(|trouble| Failed {
            is_stale: is_old && trouble.is_of_connection(false),
            trouble,
        });
        self.noted(accepted, State::Refused)?;
        let content = self.content(message, server.settings.data_timeout).await;
        let reply = self.noted(content.map_err(fail(false)), State::Refused)?;
        if !reply.is_cut {
            self.state = State::Ready;
        }
        Ok(reply.reply_line())
    }

    /// Keeps the connection for the next mail if a failure leaves it open.
    fn noted<T>(&mut self, done: Result<T, Failed>, state: State) -> Result<T, Failed> {
        if let Err(Failed { trouble, .. }) = &done
            && matches!(
                trouble.connection,
                Connection::Open | Connection::OpenNotNow
            )
        {
            self.state = state;
        }
        done
    }

    /// Up to the sender.
    async fn begin(
        &mut self,
        before: State,
        envelope: &Envelope,
        parameters: &str,
        limit: Duration,
    ) -> Result<(), SmtpError> {
        if before == State::Refused {
            self.command(Step::MailFrom, "RSET", limit, "RSET").await?;
        }
        let sender = envelope.from().map(ToString::to_string).unwrap_or_default();
        self.mail_from(&sender, parameters, limit).await
    }

    async fn mail_from(
        &mut self,
        sender: &str,
        parameters: &str,
        limit: Duration,
    ) -> Result<(), SmtpError> {
        let what = format!("the sender {sender}");
        let command = format!("MAIL FROM:<{sender}>{parameters}");
        let reply = self.command(Step::MailFrom, &what, limit, &command).await;
        reply.map(drop)
    }

    /// The recipients, and the announcement of the mail.
    async fn offer(&mut self, envelope: &Envelope, limit: Duration) -> Result<(), SmtpError> {
        for address in envelope.to() {
            self.rcpt_to(address, limit).await?;
        }
        let reply = self.exchange("DATA", limit, b"DATA\r\n").await?;
        match reply.code {
            START_MAIL_INPUT if !reply.is_cut => Ok(()),
            400.. => Err(SmtpError::refused(Step::Data, "DATA", &reply)),
            _ => Err(SmtpError::unexpected("DATA", &reply)),
        }
    }

    async fn rcpt_to(&mut self, address: &Address, limit: Duration) -> Result<(), SmtpError> {
        let what = format!("the recipient {address}");
        let command = format!("RCPT TO:<{address}>");
        let reply = self.command(Step::RcptTo, &what, limit, &command).await;
        reply.map(drop)
    }

    async fn content(&mut self, message: &str, limit: Duration) -> Result<Reply, SmtpError> {
        let what = "the message";
        let reply = self.exchange(what, limit, &transparent(message)).await?;
        match reply.code {
            // The mail has arrived, whatever else the server had to say.
            _ if reply.is_positive() => Ok(reply),
            400.. => Err(SmtpError::refused(Step::Content, what, &reply)),
            _ => Err(SmtpError::unexpected(what, &reply)),
        }
    }

    /// Asks whether the server takes a mail from that sender, and takes the question back (RFC 5321
    /// §4.1.1.5). Many servers answer for the host, the login and the sender only once they know
    /// a recipient: the sender itself is one. If there is no such mailbox, returns the refusal.
    pub async fn probe_sender(
        &mut self,
        server: &Server,
        sender: &Address,
    ) -> Result<Option<String>, SmtpError> {
        let limit = server.settings.command_timeout;
        let parameters = self.parameters([sender], "")?;
        self.mail_from(sender.as_ref(), &parameters, limit).await?;
        let refusal = match self.rcpt_to(sender, limit).await {
            Err(trouble) if trouble.failure == Failure::Unavailable => return Err(trouble),
            Err(trouble) if trouble.connection == Connection::Lost => return Err(trouble),
            Err(trouble) if trouble.failure == Failure::Permanent => Some(trouble.response),
            _ => None,
        };
        self.command(Step::MailFrom, "RSET", limit, "RSET").await?;
        Ok(refusal)
    }

    /// What the server has to know about the mail before it comes, and whether it could take it.
    fn parameters<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a Address>,
        message: &str,
    ) -> Result<String, SmtpError> {
        let mut parameters = String::new();
        let is_ascii = |address: &&Address| AsRef::<str>::as_ref(*address).is_ascii();
        if let Some(address) = addresses.into_iter().find(|address| !is_ascii(address)) {
            if !self.extensions.smtputf8 {
                return Err(SmtpError::unfit(format!(
                    "the server does not support the internationalised address {address} \
                     (SMTPUTF8, RFC 6531)"
                )));
            }
            parameters.push_str(" SMTPUTF8");
        }
        if !message.is_ascii() && self.extensions.eight_bit_mime {
            parameters.push_str(" BODY=8BITMIME");
        }
        // RFC 1870 §6.1; 0 stands for no limit.
        if let (Some(most), false) = (self.extensions.size, message.is_empty()) {
            let size = message.len();
            if (1..size).contains(&most) {
                return Err(SmtpError::unfit(format!(
                    "the message has {size} octets, and the server takes {most} at most"
                )));
            }
            parameters.push_str(&format!(" SIZE={size}"));
        }
        Ok(parameters)
    }

    /// A command that is done or refused.
    async fn command(
        &mut self,
        step: Step,
        what: &str,
        limit: Duration,
        command: &str,
    ) -> Result<Reply, SmtpError> {
        let line = format!("{command}\r\n");
        let reply = self.exchange(what, limit, line.as_bytes()).await?;
        match reply.code {
            _ if reply.is_positive() && !reply.is_cut => Ok(reply),
            400.. => Err(SmtpError::refused(step, what, &reply)),
            _ => Err(SmtpError::unexpected(what, &reply)),
        }
    }

    /// Sends, and reads the one reply to it.
    async fn exchange(
        &mut self,
        what: &str,
        limit: Duration,
        octets: &[u8],
    ) -> Result<Reply, SmtpError> {
        let exchanged = timeout(limit, async {
            // What was said before is the answer to nothing, and all later ones would be taken for
            // answers to the wrong command.
            if self.wire.has_news().await {
                return self.wire.reply().await.map(Said::OutOfTurn);
            }
            match self.wire.send(octets).await {
                Ok(()) => self.wire.reply().await.map(Said::InTurn),
                Err(error) => self.last_words(error).await,
            }
        });
        match exchanged.await {
            Err(_) => Err(SmtpError::timed_out(what, limit)),
            Ok(Err(error)) => Err(SmtpError::lost(what, &error)),
            Ok(Ok(Said::InTurn(reply))) => Ok(reply),
            Ok(Ok(Said::OutOfTurn(reply))) if reply.code == 421 => Ok(reply),
            Ok(Ok(Said::OutOfTurn(reply))) => Err(SmtpError::out_of_turn(what, &reply)),
        }
    }

    async fn last_words(&mut self, error: io::Error) -> io::Result<Said> {
        match timeout(LAST_WORDS, self.wire.reply()).await {
            Ok(Ok(mut reply)) if reply.code >= 400 => {
                reply.is_cut = true;
                Ok(Said::InTurn(reply))
            }
            _ => Err(error),
        }
    }

    /// Takes leave. A server that does not answer is left without an answer.
    pub async fn quit(mut self, server: &Server) {
        let limit = server.settings.command_timeout;
        let _ = self.exchange("QUIT", limit, b"QUIT\r\n").await;
    }
}

enum Said {
    InTurn(Reply),
    OutOfTurn(Reply),
}

fn addresses(envelope: &Envelope) -> impl Iterator<Item = &Address> {
    envelope.from().into_iter().chain(envelope.to())
}

/// The mail as it goes over the line: with a second dot where a line begins with one, and a line
/// with nothing but a dot at its end (RFC 5321 §4.5.2). In one piece: a last packet of a few octets
/// would wait for a delayed acknowledgement.
fn transparent(message: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(message.len() + message.len() / 64 + 8);
    for line in message.split_inclusive("\r\n") {
        if line.starts_with('.') {
            octets.push(b'.');
        }
        octets.extend_from_slice(line.as_bytes());
    }
    if !message.ends_with("\r\n") {
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(b".\r\n");
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_doubled() {
        for (message, octets) in [
            (
                "a\r\n.\r\n..b\r\n.c.\r\n",
                "a\r\n..\r\n...b\r\n..c.\r\n.\r\n",
            ),
            ("a", "a\r\n.\r\n"),
        ] {
            assert_eq!(String::from_utf8(transparent(message)).unwrap(), octets);
        }
    }
}
