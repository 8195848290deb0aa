//! How a connection comes about: which of the server's addresses is used, TLS, and what the server
//! says that it can do. Logging in is in `auth.rs`.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpStream, lookup_host},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{
    Server, Settings, auth,
    error::{Connection, SmtpError, explain, replied},
    reply::Reply,
    wire::{Tls, Wire},
};
use crate::smtp;

/// How long to wait for an address before the next is tried too (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// The same, once it is connected: many servers let a client wait for the greeting.
const UNTIL_GREETING: Duration = Duration::from_secs(10);

/// What the server says that it can do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    pub starttls: bool,
    pub eight_bit_mime: bool,
    pub smtputf8: bool,
    pub pipelining: bool,
    /// `Some(0)` is a server that names no limit (RFC 1870 §4).
    pub size: Option<usize>,
    /// In capitals.
    pub auth: Vec<String>,
}

impl Extensions {
    /// Keywords in any case (RFC 5321 §2.4); `AUTH=` is how some wrote it before RFC 2554.
    fn of(reply: &Reply) -> Self {
        let mut all = Self::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("STARTTLS") => all.starttls = true,
                Some("8BITMIME") => all.eight_bit_mime = true,
                Some("SMTPUTF8") => all.smtputf8 = true,
                Some("PIPELINING") => all.pipelining = true,
                Some("SIZE") => {
                    all.size = Some(words.next().and_then(|size| size.parse().ok()).unwrap_or(0));
                }
                Some("AUTH") => all.auth.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        all
    }
}

/// A connection that is encrypted and logged in as the settings want it, within their time.
pub(super) async fn connect(server: &Server) -> Result<(Wire, Extensions), SmtpError> {
    let Settings {
        host,
        connect_timeout: limit,
        ..
    } = server.settings.as_ref();
    let opened = timeout(*limit, async {
        match (open(server).await, &server.tokens) {
            // What it was refused for may be its age.
            (Err(trouble), Some(tokens)) if trouble.connection == Connection::LoginRefused => {
                if tokens.renew().await? {
                    open(server).await
                } else {
                    Err(trouble)
                }
            }
            (opened, _) => opened,
        }
    });
    opened.await.unwrap_or_else(|_| {
        let silent = format!("{host} did not respond within {limit:?}");
        Err(SmtpError::connecting(silent))
    })
}

async fn open(server: &Server) -> Result<(Wire, Extensions), SmtpError> {
    let settings = &server.settings;
    let addresses = look_up(&server.name, settings).await?;
    let mut wire = reach(server, addresses).await?;
    let mut extensions = hello(&mut wire, server).await?;
    if let (smtp::Tls::Required | smtp::Tls::Opportunistic, Some(tls)) = (settings.tls, &server.tls)
    {
        if extensions.starttls {
            let reply = ask(&mut wire, "STARTTLS", settings).await?;
            if reply.code / 100 == 4 {
                let (host, said) = (&settings.host, reply.reply_line());
                return Err(SmtpError::connecting(format!(
                    "{host} cannot encrypt at the moment: it replied {said}"
                )));
            }
            if !reply.is_positive() {
                return Err(replied(&reply, settings));
            }
            let encrypted = wire.encrypt(tls).await;
            encrypted.map_err(|error| explain(&error, settings))?;
            // What was said before may not have come from the server (RFC 3207 §4.2).
            extensions = hello(&mut wire, server).await?;
        } else if settings.tls == smtp::Tls::Required {
            return Err(SmtpError::connecting(format!(
                "{} does not offer STARTTLS, and tls = \"required\"",
                settings.host
            )));
        }
    }
    if !settings.username.is_empty() {
        auth::log_in(&mut wire, &extensions, server).await?;
    }
    Ok((wire, extensions))
}

/// The first of the server's addresses that greets. One that swallows everything does not keep the
/// others from being tried, nor does it take away from their time.
async fn reach(server: &Server, mut addresses: VecDeque<SocketAddr>) -> Result<Wire, SmtpError> {
    let settings = &server.settings;
    let mut last = SmtpError::connecting(format!("the host {} has no address", settings.host));
    let mut attempts = JoinSet::new();
    let (connected, mut is_connected) = mpsc::channel(1);
    let mut next_at = Instant::now();
    loop {
        if attempts.is_empty() && addresses.is_empty() {
            return Err(last);
        }
        tokio::select! {
            () = sleep_until(next_at), if !addresses.is_empty() => {
                if let Some(address) = addresses.pop_front() {
                    let tls = server.tls.clone().filter(|_| settings.tls == smtp::Tls::Implicit);
                    let settings = Arc::clone(settings);
                    attempts.spawn(greeted(address, tls, settings, connected.clone()));
                    next_at = Instant::now() + STAGGER;
                }
            }
            Some(()) = is_connected.recv() => next_at = Instant::now() + UNTIL_GREETING,
            Some(done) = attempts.join_next() => match done {
                Ok(Ok(wire)) => return Ok(wire),
                Ok(Err(trouble)) => {
                    last = trouble;
                    next_at = Instant::now();
                }
                Err(_) => {}
            },
        }
    }
}

/// The host's addresses, in an order in which neither of the two kinds has to be tried to its end
/// before the other (RFC 8305 §4).
async fn look_up(name: &str, settings: &Settings) -> Result<VecDeque<SocketAddr>, SmtpError> {
    let found = lookup_host((name, settings.port)).await.map_err(|error| {
        SmtpError::connecting(format!("the host {} was not found: {error}", settings.host))
    })?;
    let found: Vec<_> = found.collect();
    let is_of_first_kind =
        |a: &&SocketAddr| Some(a.is_ipv6()) == found.first().map(|f| f.is_ipv6());
    let mut others = found.iter().filter(|a| !is_of_first_kind(a));
    let mut ordered = VecDeque::new();
    for address in found.iter().filter(is_of_first_kind) {
        ordered.push_back(*address);
        ordered.extend(others.next());
    }
    ordered.extend(others);
    Ok(ordered)
}

/// One address, up to its greeting.
async fn greeted(
    address: SocketAddr,
    tls: Option<Tls>,
    settings: Arc<Settings>,
    connected: mpsc::Sender<()>,
) -> Result<Wire, SmtpError> {
    let failed = |error| explain(&error, &settings);
    let tcp = TcpStream::connect(address).await.map_err(failed)?;
    // Nobody listens any more when another address was faster.
    let _ = connected.send(()).await;
    let mut wire = Wire::new(tcp);
    if let Some(tls) = &tls {
        wire.encrypt(tls).await.map_err(failed)?;
    }
    let greeting = wire.reply().await.map_err(failed)?;
    if greeting.is_positive() && !greeting.is_cut {
        Ok(wire)
    } else {
        Err(replied(&greeting, &settings))
    }
}

/// `EHLO`, or `HELO` where the server knows no other and nothing depends on it (RFC 5321 §3.2).
async fn hello(wire: &mut Wire, server: &Server) -> Result<Extensions, SmtpError> {
    let settings = &server.settings;
    let name = match settings.helo_name.as_str() {
        "" => own_name(server.own_name.as_deref(), wire.local_ip()),
        name => name.to_owned(),
    };
    let reply = ask(wire, &format!("EHLO {name}"), settings).await?;
    if reply.is_positive() {
        return Ok(Extensions::of(&reply));
    }
    let needs_ehlo = settings.tls == smtp::Tls::Required || !settings.username.is_empty();
    if reply.code / 100 == 5 && !needs_ehlo {
        let old = ask(wire, &format!("HELO {name}"), settings).await?;
        if old.is_positive() {
            return Ok(Extensions::default());
        }
    }
    Err(replied(&reply, settings))
}

/// This host's name where it is a full one, as servers ask for; otherwise the address of this end
/// (RFC 5321 §4.1.4): a container's name is nothing that a server could look up.
fn own_name(name: Option<&str>, address: Option<IpAddr>) -> String {
    match (name, address.map(|address| address.to_canonical())) {
        (Some(name), _) if name.trim_matches('.').contains('.') => name.to_owned(),
        (_, Some(IpAddr::V4(address))) => format!("[{address}]"),
        (_, Some(IpAddr::V6(address))) => format!("[IPv6:{address}]"),
        (Some(name), None) => name.to_owned(),
        (None, None) => "localhost".to_owned(),
    }
}

/// One command before the first mail.
pub(super) async fn ask(
    wire: &mut Wire,
    command: &str,
    settings: &Settings,
) -> Result<Reply, SmtpError> {
    let failed = |error| explain(&error, settings);
    let sent = wire.send(format!("{command}\r\n").as_bytes()).await;
    sent.map_err(failed)?;
    let reply = wire.reply().await.map_err(failed)?;
    if reply.is_cut {
        Err(replied(&reply, settings))
    } else {
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[test]
    fn extensions_are_read_as_servers_write_them() {
        let lines = [
            "test at your service",
            "size 35882577",
            "8bitMIME",
            "StartTLS",
            "SMTPUTF8",
            "Pipelining",
            "AUTH=LOGIN",
            "auth plain XOAUTH2",
            "",
            "X-SOMETHING else",
        ];
        let reply = Reply {
            code: 250,
            lines: lines.map(str::to_owned).to_vec(),
            is_cut: false,
        };
        let expected = Extensions {
            starttls: true,
            eight_bit_mime: true,
            smtputf8: true,
            pipelining: true,
            size: Some(35_882_577),
            auth: ["LOGIN", "PLAIN", "XOAUTH2"].map(str::to_owned).to_vec(),
        };
        assert_eq!(Extensions::of(&reply), expected);
    }

    fn server() -> Server {
        let settings = Settings {
            tls: smtp::Tls::None,
            ..Settings::default()
        };
        Server {
            settings: Arc::new(settings),
            name: String::new(),
            tls: None,
            own_name: None,
            tokens: None,
        }
    }

    /// A server that greets after so long.
    async fn greets_after(time: Duration) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tokio::time::sleep(time).await;
            tcp.write_all(b"220 test\r\n").await.unwrap();
            // Open until the test ends.
            std::future::pending::<()>().await;
        });
        address
    }

    /// However many addresses there are, each has all of the time.
    #[tokio::test(start_paused = true)]
    async fn a_late_greeting_is_waited_for() {
        let mut addresses = VecDeque::new();
        for _ in 0..8 {
            addresses.push_back(greets_after(Duration::from_secs(8)).await);
        }
        let begun = Instant::now();
        reach(&server(), addresses).await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(15));
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_that_are_silent_or_closed_do_not_hold_up_the_others() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        let good = greets_after(Duration::ZERO).await;
        let silent = silent.local_addr().unwrap();
        let begun = Instant::now();
        reach(&server(), [closed, silent, closed, good].into())
            .await
            .unwrap();
        assert!(begun.elapsed() <= UNTIL_GREETING + STAGGER);
        assert!(reach(&server(), [closed, closed].into()).await.is_err());
    }

    #[test]
    fn this_host_is_called_by_what_a_server_can_look_up() {
        for (name, address, expected) in [
            (Some("mail.example.com"), "192.0.2.1", "mail.example.com"),
            (Some("25aea30808b2"), "192.0.2.1", "[192.0.2.1]"),
            (Some("25aea30808b2"), "2001:db8::1", "[IPv6:2001:db8::1]"),
            (None, "::ffff:192.0.2.1", "[192.0.2.1]"),
        ] {
            assert_eq!(own_name(name, Some(address.parse().unwrap())), expected);
        }
    }
}
