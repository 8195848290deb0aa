//! One connection to the mail server: how it comes about, and how a mail goes through it. What a
//! refusal means is decided in `reply.rs`; nothing is retried here.

use std::{
    fmt::{self, Display},
    net::SocketAddr,
    time::Duration,
};

use lettre::{
    Address,
    address::Envelope,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Rcpt, Rset},
        extension::{Extension, MailBodyParameter, MailParameter},
        response::{Response, Severity},
    },
};
use secrecy::ExposeSecret;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{
    Server, Tls,
    reply::Step,
    stream::Stream,
    trouble::{Trouble, cannot_connect, explain},
};
use crate::Failure;

/// `DATA` is answered with this (RFC 5321 §4.1.1.4).
const START_MAIL_INPUT: u16 = 354;

pub(super) struct Session {
    connection: AsyncSmtpConnection,
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

impl Session {
    /// Connects to the first of the server's addresses that answers. Each may take an equal part
    /// of the time: one that swallows everything does not keep the others from being tried.
    pub async fn connect(server: &Server) -> Result<Self, Trouble> {
        let settings = &server.settings;
        let host = settings.host.as_str();
        let limit = settings.connect_timeout;
        let addresses: Vec<_> = match timeout(limit, lookup_host((host, settings.port))).await {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => {
                return Err(Trouble::connecting(format!(
                    "the host {host} was not found: {error}"
                )));
            }
            Err(_) => {
                return Err(Trouble::connecting(format!(
                    "looking up the host {host} took longer than {limit:?}"
                )));
            }
        };
        let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut last = Trouble::connecting(format!("the host {host} has no address"));
        for address in addresses {
            match timeout(share, open(server, address)).await {
                Ok(Ok(connection)) => {
                    return Ok(Self {
                        connection,
                        state: State::Fresh,
                    });
                }
                Ok(Err(trouble)) => last = trouble,
                Err(_) => {
                    last = Trouble::connecting(format!(
                        "{host} ({address}) did not respond within {share:?}"
                    ));
                }
            }
        }
        Err(last)
    }

    /// Whether another mail can go through it.
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
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
    ) -> Result<String, Trouble> {
        let before = std::mem::replace(&mut self.state, State::Closed);
        let answer = self.transact(server, before, envelope, message).await;
        match &answer {
            Ok(_) => self.state = State::Ready,
            Err(trouble) if trouble.still_open => self.state = State::Refused,
            Err(_) => {}
        }
        answer.map(|response| spoken(&response))
    }

    /// Asks whether the server takes a mail from that sender, and takes the question back.
    pub async fn ask_for_sender(
        &mut self,
        server: &Server,
        sender: &Address,
    ) -> Result<(), Trouble> {
        let limit = server.settings.command_timeout;
        let parameters = self.parameters([sender], "")?;
        let mail_from = Mail::new(Some(sender.clone()), parameters);
        let what = format!("the sender {sender}");
        self.command(Step::MailFrom, &what, limit, mail_from)
            .await?;
        let reset = self.command(Step::MailFrom, "RSET", limit, Rset).await;
        reset.map(drop)
    }

    async fn transact(
        &mut self,
        server: &Server,
        before: State,
        envelope: &Envelope,
        message: &str,
    ) -> Result<Response, Trouble> {
        let settings = &server.settings;
        let limit = settings.command_timeout;
        let addresses = envelope.from().into_iter().chain(envelope.to());
        let parameters = self.parameters(addresses, message)?;

        let mail_from = Mail::new(envelope.from().cloned(), parameters);
        let sender = envelope.from().map(ToString::to_string).unwrap_or_default();
        let opened = async {
            if before == State::Refused {
                self.command(Step::MailFrom, "RSET", limit, Rset).await?;
            }
            let what = format!("the sender {sender}");
            self.command(Step::MailFrom, &what, limit, mail_from).await
        };
        opened.await.map_err(|trouble| Trouble {
            // The server closed the connection while nobody looked.
            was_stale: before != State::Fresh && !trouble.still_open,
            ..trouble
        })?;

        for address in envelope.to() {
            let what = format!("the recipient {address}");
            let rcpt_to = Rcpt::new(address.clone(), vec![]);
            self.command(Step::RcptTo, &what, limit, rcpt_to).await?;
        }

        let response = self.command(Step::Data, "DATA", limit, Data).await?;
        if !response.has_code(START_MAIL_INPUT) {
            return Err(Trouble::unexpected("DATA", &spoken(&response)));
        }
        let (limit, content) = (settings.data_timeout, Content(message));
        self.command(Step::Content, "the message", limit, content)
            .await
    }

    /// What the server has to know about the mail before it comes.
    fn parameters<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a Address>,
        message: &str,
    ) -> Result<Vec<MailParameter>, Trouble> {
        let knows = |extension| self.connection.server_info().supports_feature(extension);
        let mut parameters = vec![];
        if let Some(address) = addresses
            .into_iter()
            .find(|a| !AsRef::<str>::as_ref(a).is_ascii())
        {
            if !knows(Extension::SmtpUtfEight) {
                return Err(Trouble {
                    failure: Failure::Permanent,
                    response: format!(
                        "the server does not support the internationalised address {address} \
                         (SMTPUTF8, RFC 6531)"
                    ),
                    still_open: true,
                    was_stale: false,
                });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !message.is_ascii() && knows(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }

    async fn command(
        &mut self,
        step: Step,
        what: &str,
        limit: Duration,
        command: impl Display,
    ) -> Result<Response, Trouble> {
        match timeout(limit, self.connection.command(command)).await {
            Err(_) => Err(Trouble::timed_out(what, limit)),
            Ok(Err(error)) => Err(Trouble::at(step, what, &error)),
            // 354 is the one reply that is neither a refusal nor the end of a command.
            Ok(Ok(response))
                if step == Step::Data
                    || response.code().severity == Severity::PositiveCompletion =>
            {
                Ok(response)
            }
            Ok(Ok(response)) => Err(Trouble::unexpected(what, &spoken(&response))),
        }
    }

    /// Takes leave. A server that does not answer is left without an answer.
    pub async fn quit(mut self, server: &Server) {
        let _ = timeout(server.settings.command_timeout, self.connection.quit()).await;
    }
}

/// Connects to one address: up to a session that is encrypted and authenticated as the settings
/// want it.
async fn open(server: &Server, address: SocketAddr) -> Result<AsyncSmtpConnection, Trouble> {
    let settings = &server.settings;
    let failed = |error: Error| Trouble::connecting(explain(&error, settings));

    let hello = &server.helo_name;
    let mut connection = if settings.tls == Tls::Implicit {
        let limit = Some(settings.connect_timeout);
        let tls = server.tls.clone();
        AsyncSmtpConnection::connect_tokio1(address, limit, hello, tls, None)
            .await
            .map_err(failed)?
    } else {
        let tcp = TcpStream::connect(address)
            .await
            .map_err(|error| Trouble::connecting(cannot_connect(&error, settings)))?;
        // A command waits for its reply; holding back small packets would only delay it.
        let _ = tcp.set_nodelay(true);
        let stream = Stream::new(tcp, server.tls.is_some());
        AsyncSmtpConnection::connect_with_transport(Box::new(stream), hello)
            .await
            .map_err(failed)?
    };

    if let (Tls::Required | Tls::Opportunistic, Some(tls)) = (settings.tls, &server.tls) {
        if connection.can_starttls() {
            let started = connection.starttls(tls.clone(), hello).await;
            started.map_err(failed)?;
        } else if settings.tls == Tls::Required {
            return Err(Trouble::connecting(format!(
                "{} does not offer STARTTLS, and tls = \"required\"",
                settings.host
            )));
        }
    }

    if !settings.username.is_empty() {
        authenticate(&mut connection, server).await?;
    }
    Ok(connection)
}

async fn authenticate(
    connection: &mut AsyncSmtpConnection,
    server: &Server,
) -> Result<(), Trouble> {
    let settings = &server.settings;
    let (host, username) = (&settings.host, &settings.username);
    if !connection.is_encrypted() && settings.tls != Tls::None {
        return Err(Trouble::connecting(format!(
            "{host} does not offer STARTTLS, and the password is not sent unencrypted"
        )));
    }
    if (connection.server_info())
        .get_auth_mechanism(DEFAULT_MECHANISMS)
        .is_none()
    {
        return Err(Trouble::connecting(format!(
            "{host} offers neither AUTH PLAIN nor AUTH LOGIN"
        )));
    }
    let password = settings.password.expose_secret().to_owned();
    let credentials = Credentials::new(username.clone(), password);
    match connection.auth(DEFAULT_MECHANISMS, &credentials).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let explained = explain(&error, settings);
            Err(Trouble::connecting(format!(
                "the credentials of {username} were rejected: {explained}"
            )))
        }
    }
}

/// The server's words: code and text, on one line.
fn spoken(response: &Response) -> String {
    let text: Vec<&str> = response.message().collect();
    format!("{} {}", response.code(), text.join(" "))
}

/// The mail as it goes over the line: with a second dot where a line begins with one, and a line
/// with nothing but a dot at its end (RFC 5321 §4.5.2).
///
/// In one piece, unlike lettre's own, whose last five octets in a packet of their own would wait
/// for a delayed acknowledgement.
struct Content<'a>(&'a str);

impl Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.split_inclusive("\r\n") {
            if line.starts_with('.') {
                f.write_str(".")?;
            }
            f.write_str(line)?;
        }
        f.write_str(".\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_doubled() {
        assert_eq!(
            Content("a\r\n.\r\n..b\r\n.c.\r\n").to_string(),
            "a\r\n..\r\n...b\r\n..c.\r\n.\r\n"
        );
    }
}
