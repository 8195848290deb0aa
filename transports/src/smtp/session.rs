//! One connection to the mail server, and how a mail goes through it. How it comes about is in
//! `connect.rs`, what a refusal means in `verdict.rs`; nothing is retried here.

use std::{io, time::Duration};

use lettre::{Address, address::Envelope};
use tokio::time::timeout;

use super::{
    Server,
    command::Command,
    connect::{Extensions, connect},
    error::{Connection, SmtpError},
    reply::Reply,
    verdict::Step,
    wire::Wire,
};
use crate::Failure;

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

impl Failed {
    fn of_mail(trouble: SmtpError) -> Self {
        let is_stale = false;
        Self { trouble, is_stale }
    }
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
        let parameters = self.parameters(addresses(envelope), message);
        let parameters = parameters.map_err(|trouble| {
            // Nothing was said.
            self.state = before;
            Failed::of_mail(trouble)
        })?;
        let commands = commands(before, envelope, &parameters);
        let limit = server.settings.command_timeout;
        let announced = self.announce(&commands, limit).await;
        announced.map_err(|(step, trouble)| Failed {
            is_stale: before != State::Fresh && trouble.is_of_connection(step == Step::MailFrom),
            trouble,
        })?;
        let reply = self.content(message, server.settings.data_timeout).await;
        let reply = reply.map_err(|trouble| {
            if trouble.leaves_open() {
                self.state = State::Refused;
            }
            Failed::of_mail(trouble)
        })?;
        if !reply.is_cut {
            self.state = State::Ready;
        }
        Ok(reply.reply_line())
    }

    /// Announces a mail, up to where its content may come. The first command that fails ends it.
    ///
    /// Where the server offers `PIPELINING` (RFC 2920), all commands are sent in one go: one round
    /// trip instead of one each.
    async fn announce(
        &mut self,
        commands: &[Command],
        limit: Duration,
    ) -> Result<(), (Step, SmtpError)> {
        let at_once = if self.extensions.pipelining {
            commands.len()
        } else {
            1
        };
        for group in commands.chunks(at_once) {
            self.command(group, limit).await?;
        }
        Ok(())
    }

    /// Sends commands in one go, and judges the reply to each in order. What counts is the first that is
    /// not done, but the others' replies are read too: otherwise the connection is of no more use.
    async fn command(
        &mut self,
        group: &[Command],
        limit: Duration,
    ) -> Result<(), (Step, SmtpError)> {
        let lines: String = group.iter().map(|command| command.line.as_str()).collect();
        let mut done = Vec::with_capacity(group.len());
        let mut failed = None;
        for (at, command) in group.iter().enumerate() {
            let reply = match at {
                0 => self.exchange(&command.what, limit, lines.as_bytes()).await,
                _ => self.next_reply(&command.what, limit).await,
            };
            let Err(trouble) = reply.and_then(|reply| command.judge(&reply)) else {
                done.push(command.step);
                continue;
            };
            if !trouble.leaves_open() {
                return Err(failed.unwrap_or((command.step, trouble)));
            }
            failed.get_or_insert((command.step, trouble));
        }
        let Some(failed) = failed else {
            return Ok(());
        };
        self.state = self.after_refusal(&done, limit).await;
        Err(failed)
    }

    /// What the connection is good for after some commands of a group were refused.
    async fn after_refusal(&mut self, done: &[Step], limit: Duration) -> State {
        match (done.contains(&Step::Data), done.contains(&Step::RcptTo)) {
            (false, _) => State::Refused,
            // The server waits for a mail to those recipients that it has not refused. It would take an
            // empty one for it.
            (true, true) => State::Closed,
            // It waits for a mail to nobody: an empty one (RFC 2920 §3.1).
            (true, false) => match self.exchange("an empty message", limit, b".\r\n").await {
                Ok(reply) if !reply.is_cut && reply.code != 421 => State::Refused,
                _ => State::Closed,
            },
        }
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
        let mail_from = Command::mail_from(sender.as_ref(), &parameters);
        self.one(mail_from, limit).await?;
        let refusal = match self.one(Command::rcpt_to(sender), limit).await {
            Err(trouble) if trouble.failure == Failure::Unavailable => return Err(trouble),
            Err(trouble) if trouble.connection == Connection::Lost => return Err(trouble),
            Err(trouble) if trouble.failure == Failure::Permanent => Some(trouble.response),
            _ => None,
        };
        self.one(Command::reset(), limit).await?;
        Ok(refusal)
    }

    async fn one(&mut self, command: Command, limit: Duration) -> Result<(), SmtpError> {
        let done = self.command(&[command], limit).await;
        done.map_err(|(_, trouble)| trouble)
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

    /// Sends, and reads the first reply to it.
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

    /// Reads the reply to what was sent together with something before it.
    async fn next_reply(&mut self, what: &str, limit: Duration) -> Result<Reply, SmtpError> {
        match timeout(limit, self.wire.reply()).await {
            Err(_) => Err(SmtpError::timed_out(what, limit)),
            Ok(Err(error)) => Err(SmtpError::lost(what, &error)),
            Ok(Ok(reply)) => Ok(reply),
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

/// What announces a mail on a connection that is in this state.
fn commands(state: State, envelope: &Envelope, parameters: &str) -> Vec<Command> {
    let sender = envelope.from().map(ToString::to_string).unwrap_or_default();
    let reset = (state == State::Refused).then(Command::reset);
    reset
        .into_iter()
        .chain([Command::mail_from(&sender, parameters)])
        .chain(envelope.to().iter().map(Command::rcpt_to))
        .chain([Command::data()])
        .collect()
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
