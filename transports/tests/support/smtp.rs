//! A mail server that does what a test's script says: it answers anything at any step, hangs,
//! drips, goes away, breaks TLS. It keeps what it was sent, and tells when something happened, so
//! that nobody has to wait by the clock. It knows nothing of the transports.

use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, rustls};

/// A step of the conversation, at which the script may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Greeting,
    Ehlo,
    /// Unknown, unless the script says otherwise.
    Helo,
    StartTls,
    Auth,
    MailFrom,
    RcptTo,
    Data,
    /// After the final dot.
    Content,
    Rset,
    Quit,
    /// The client is gone. Nothing can be answered.
    Gone,
}

/// What the server does instead of going along.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These lines, without the last line end.
    Say(String),
    /// The same, and closes the connection.
    SayAndDrop(String),
    /// These octets, as they are.
    Octets(&'static [u8]),
    /// This line again and again.
    Forever(&'static str),
    /// Closes the connection without a word.
    Drop,
    /// Never answers.
    Hang,
    /// The usual answer, in packets of one octet each.
    Drip,
    /// One more octet again and again, and never a whole line.
    DripForever,
}

impl Answer {
    pub fn say(lines: impl Into<String>) -> Self {
        Self::Say(lines.into())
    }
}

/// What just happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub step: Step,
    /// What the client said; at [`Step::Content`], the mail.
    pub line: String,
    /// How often this step was reached before, on any connection.
    pub before: usize,
    /// The connection's number, from 0.
    pub connection: usize,
    /// What the client has said already without waiting for the answer.
    pub ahead: String,
}

type Script = dyn Fn(&Turn) -> Option<Answer> + Send + Sync;

/// Whether, and how, the server speaks TLS.
#[derive(Clone, Default)]
pub enum Encryption {
    #[default]
    None,
    StartTls(Arc<rustls::ServerConfig>),
    Implicit(Arc<rustls::ServerConfig>),
}

/// A mail that the server said 250 to.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// `MAIL FROM`, with its parameters.
    pub from: String,
    /// `RCPT TO`
    pub to: Vec<String>,
    /// With doubled dots made single.
    pub content: Vec<u8>,
    pub encrypted: bool,
    pub connection: usize,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} → {:?}: {} octets",
            self.from,
            self.to,
            self.content.len()
        )
    }
}

/// How the server behaves.
#[derive(Clone)]
pub struct Behaviour {
    script: Arc<Script>,
    encryption: Encryption,
    /// Asked for before a mail is taken, where there are any.
    credentials: Option<(String, String)>,
    extensions: Vec<&'static str>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            script: Arc::new(|_| None),
            encryption: Encryption::None,
            credentials: None,
            extensions: vec!["8BITMIME", "SMTPUTF8"],
        }
    }
}

impl Behaviour {
    /// What the script answers with `None`, the server answers as usual.
    pub fn script(script: impl Fn(&Turn) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self {
            script: Arc::new(script),
            ..Self::default()
        }
    }

    /// The same answer whenever a step is reached.
    pub fn at(step: Step, answer: Answer) -> Self {
        Self::script(move |turn| (turn.step == step).then(|| answer.clone()))
    }

    pub fn encryption(self, encryption: Encryption) -> Self {
        Self { encryption, ..self }
    }

    pub fn credentials(self, username: &str, password: &str) -> Self {
        Self {
            credentials: Some((username.into(), password.into())),
            ..self
        }
    }

    pub fn extensions(self, extensions: Vec<&'static str>) -> Self {
        Self { extensions, ..self }
    }
}

#[derive(Default)]
struct Record {
    turns: Vec<Turn>,
    received: Vec<Received>,
}

struct Shared {
    behaviour: Behaviour,
    record: Mutex<Record>,
    changed: watch::Sender<()>,
    connections: AtomicUsize,
}

/// The server, on a free port of 127.0.0.1, until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

impl Server {
    pub async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            behaviour,
            record: Mutex::default(),
            changed: watch::Sender::new(()),
            connections: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&shared);
        let listening = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                let number = shared.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    // An error only means that the client is gone.
                    let _ = Conversation::hold(tcp, number, &shared).await;
                    shared.note(Step::Gone, "", number, "");
                });
            }
        });
        Self {
            address,
            shared,
            listening,
        }
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.record.lock().unwrap().received.clone()
    }

    pub fn turns(&self) -> Vec<Turn> {
        self.shared.record.lock().unwrap().turns.clone()
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Waits until a step has been reached so often.
    pub async fn reached(&self, step: Step, times: usize) {
        let mut changed = self.shared.changed.subscribe();
        let count = || self.turns().iter().filter(|turn| turn.step == step).count();
        let reached = async {
            while count() < times {
                changed.changed().await.unwrap();
            }
        };
        let reached = tokio::time::timeout(Duration::from_secs(20), reached).await;
        assert!(reached.is_ok(), "no {step:?}: {:#?}", self.turns());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Shared {
    fn note(&self, step: Step, line: &str, connection: usize, ahead: &str) -> Turn {
        let mut record = self.record.lock().unwrap();
        let turn = Turn {
            step,
            line: line.into(),
            before: record.turns.iter().filter(|turn| turn.step == step).count(),
            connection,
            ahead: ahead.into(),
        };
        record.turns.push(turn.clone());
        drop(record);
        self.changed.send_replace(());
        turn
    }
}

trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// One connection.
struct Conversation<'a> {
    line: BufReader<Box<dyn Line>>,
    number: usize,
    shared: &'a Shared,
    encrypted: bool,
    authenticated: bool,
}

/// The client is gone, or the script sent it away.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl<'a> Conversation<'a> {
    async fn hold(tcp: TcpStream, number: usize, shared: &'a Shared) -> Result<(), Over> {
        tcp.set_nodelay(true)?;
        let behaviour = &shared.behaviour;
        let (line, encrypted): (Box<dyn Line>, _) = match &behaviour.encryption {
            Encryption::Implicit(config) => {
                let acceptor = TlsAcceptor::from(Arc::clone(config));
                (Box::new(acceptor.accept(tcp).await?), true)
            }
            _ => (Box::new(tcp), false),
        };
        let mut conversation = Self {
            line: BufReader::new(line),
            number,
            shared,
            encrypted,
            authenticated: behaviour.credentials.is_none(),
        };
        conversation
            .answer(Step::Greeting, "", "220 test ESMTP")
            .await?;
        conversation.converse().await
    }

    async fn converse(mut self) -> Result<(), Over> {
        let mut from = None;
        let mut to = Vec::new();
        loop {
            let line = self.command().await?;
            let upper = line.to_ascii_uppercase();
            if upper.starts_with("EHLO ") {
                let greeting = self.extensions();
                self.answer(Step::Ehlo, &line, &greeting).await?;
            } else if upper.starts_with("HELO ") {
                self.answer(Step::Helo, &line, "500 5.5.2 What?").await?;
            } else if upper == "STARTTLS" {
                self = self.start_tls().await?;
            } else if upper.starts_with("AUTH ") {
                self.authenticate(&line).await?;
            } else if upper.starts_with("MAIL FROM:") && !self.authenticated {
                let usual = "530 5.7.0 Authentication required";
                self.answer(Step::MailFrom, &line, usual).await?;
            } else if upper.starts_with("MAIL FROM:") {
                to.clear();
                let is_taken = self.answer(Step::MailFrom, &line, "250 2.1.0 Ok").await?;
                from = is_taken.then(|| line["MAIL FROM:".len()..].to_owned());
            } else if upper.starts_with("RCPT TO:") {
                let usual = match from {
                    Some(_) => "250 2.1.5 Ok",
                    None => "503 5.5.1 Who sends it?",
                };
                if self.answer(Step::RcptTo, &line, usual).await? {
                    to.push(line["RCPT TO:".len()..].to_owned());
                }
            } else if upper == "DATA" {
                let usual = if to.is_empty() {
                    "554 5.5.1 No valid recipients"
                } else {
                    "354 Go ahead"
                };
                if self.answer(Step::Data, &line, usual).await? {
                    let received = Received {
                        from: from.clone().unwrap_or_default(),
                        to: std::mem::take(&mut to),
                        content: self.content().await?,
                        encrypted: self.encrypted,
                        connection: self.number,
                    };
                    self.take(received).await?;
                }
            } else if upper == "RSET" {
                to.clear();
                self.answer(Step::Rset, &line, "250 2.0.0 Ok").await?;
            } else if upper == "QUIT" {
                self.answer(Step::Quit, &line, "221 2.0.0 Bye").await?;
                return Ok(());
            } else {
                self.say("500 5.5.2 What?").await?;
            }
        }
    }

    /// Does what the script says, or says the usual. Returns whether that was positive.
    async fn answer(&mut self, step: Step, line: &str, usual: &str) -> Result<bool, Over> {
        let turn = self.note(step, line);
        let answer = (self.shared.behaviour.script)(&turn);
        self.act(answer, usual).await
    }

    fn note(&self, step: Step, line: &str) -> Turn {
        let ahead = String::from_utf8_lossy(self.line.buffer());
        self.shared.note(step, line, self.number, &ahead)
    }

    async fn act(&mut self, answer: Option<Answer>, usual: &str) -> Result<bool, Over> {
        match answer {
            None => self.say(usual).await,
            Some(Answer::Say(lines)) => self.say(&lines).await,
            Some(Answer::SayAndDrop(lines)) => {
                self.say(&lines).await?;
                Err(Over)
            }
            Some(Answer::Octets(octets)) => {
                self.line.write_all(octets).await?;
                self.line.flush().await?;
                Ok(octets.starts_with(b"2") || octets.starts_with(b"3"))
            }
            Some(Answer::Forever(line)) => loop {
                self.line
                    .write_all(format!("{line}\r\n").as_bytes())
                    .await?;
            },
            Some(Answer::Drop) => Err(Over),
            Some(Answer::Hang) => {
                // Ends when the client goes.
                tokio::io::copy(&mut self.line, &mut tokio::io::sink()).await?;
                Err(Over)
            }
            Some(Answer::Drip) => {
                for octet in format!("{usual}\r\n").bytes() {
                    self.line.write_all(&[octet]).await?;
                    self.line.flush().await?;
                    tokio::task::yield_now().await;
                }
                Ok(is_positive(usual))
            }
            Some(Answer::DripForever) => {
                let mut clock = tokio::time::interval(Duration::from_millis(20));
                self.line.write_all(b"250-").await?;
                loop {
                    clock.tick().await;
                    self.line.write_all(b"x").await?;
                    self.line.flush().await?;
                }
            }
        }
    }

    async fn say(&mut self, lines: &str) -> Result<bool, Over> {
        self.line
            .write_all(format!("{lines}\r\n").as_bytes())
            .await?;
        self.line.flush().await?;
        Ok(is_positive(lines))
    }

    async fn command(&mut self) -> Result<String, Over> {
        let mut line = String::new();
        match self.line.read_line(&mut line).await? {
            0 => Err(Over),
            _ => Ok(line.trim_end_matches("\r\n").to_owned()),
        }
    }

    fn extensions(&self) -> String {
        let behaviour = &self.shared.behaviour;
        let mut lines = vec!["250-test".to_owned()];
        lines.extend(
            behaviour
                .extensions
                .iter()
                .map(|name| format!("250-{name}")),
        );
        if matches!(behaviour.encryption, Encryption::StartTls(_)) && !self.encrypted {
            lines.push("250-STARTTLS".into());
        }
        if behaviour.credentials.is_some() {
            lines.push("250-AUTH PLAIN LOGIN".into());
        }
        lines.push("250 HELP".into());
        lines.join("\r\n")
    }

    async fn start_tls(mut self) -> Result<Self, Over> {
        let go_ahead = self
            .answer(Step::StartTls, "STARTTLS", "220 2.0.0 Go ahead")
            .await?;
        match &self.shared.behaviour.encryption {
            Encryption::StartTls(config) if go_ahead => {
                let acceptor = TlsAcceptor::from(Arc::clone(config));
                let tls = acceptor.accept(self.line.into_inner()).await?;
                Ok(Self {
                    line: BufReader::new(Box::new(tls)),
                    encrypted: true,
                    ..self
                })
            }
            _ => Ok(self),
        }
    }

    async fn authenticate(&mut self, line: &str) -> Result<(), Over> {
        let decode = |text: &str| String::from_utf8(BASE64.decode(text).unwrap()).unwrap();
        let given = match line["AUTH ".len()..].split_once(' ') {
            Some(("PLAIN", response)) => {
                let response = decode(response);
                let mut parts = response.split('\0').skip(1).map(str::to_owned);
                parts.next().zip(parts.next())
            }
            Some((mechanism @ ("XOAUTH2" | "OAUTHBEARER"), response)) => {
                let response = decode(response);
                let user = match mechanism {
                    "XOAUTH2" => response.split('\x01').next(),
                    _ => response.split(',').nth(1),
                };
                let (_, user) = user.and_then(|user| user.split_once('=')).unwrap();
                let mut parts = response.split('\x01');
                let token = parts.find_map(|part| part.strip_prefix("auth=Bearer "));
                token.map(|token| (user.to_owned(), token.to_owned()))
            }
            _ => {
                self.say("334 VXNlcm5hbWU6").await?;
                let username = decode(&self.command().await?);
                self.say("334 UGFzc3dvcmQ6").await?;
                Some((username, decode(&self.command().await?)))
            }
        };
        if given != self.shared.behaviour.credentials
            && (line.contains("XOAUTH2") || line.contains("BEARER"))
        {
            // Says why, and waits for a word (RFC 7628 §3.2.3).
            self.say("334 eyJzdGF0dXMiOiI0MDEifQ==").await?;
            self.command().await?;
        }
        let usual = if given == self.shared.behaviour.credentials {
            "235 2.7.0 Welcome"
        } else {
            "535 5.7.8 Who are you?"
        };
        self.authenticated = self.answer(Step::Auth, line, usual).await?;
        Ok(())
    }

    /// Everything up to the final dot.
    async fn content(&mut self) -> Result<Vec<u8>, Over> {
        let mut content = Vec::new();
        loop {
            let start = content.len();
            if self.line.read_until(b'\n', &mut content).await? == 0 {
                return Err(Over);
            }
            match &content[start..] {
                b".\r\n" => {
                    content.truncate(start);
                    return Ok(content);
                }
                [b'.', ..] => {
                    content.remove(start);
                }
                _ => {}
            }
        }
    }

    /// A mail counts before it is answered: the client may not live to see the answer.
    async fn take(&mut self, received: Received) -> Result<(), Over> {
        let content = String::from_utf8_lossy(&received.content);
        let turn = self.note(Step::Content, &content);
        let answer = (self.shared.behaviour.script)(&turn);
        let refused = match &answer {
            Some(Answer::Say(lines) | Answer::SayAndDrop(lines)) => !is_positive(lines),
            Some(Answer::Drop | Answer::Hang) => true,
            Some(Answer::Octets(octets)) => !octets.starts_with(b"2"),
            Some(Answer::Forever(line)) => !is_positive(line),
            None | Some(Answer::Drip | Answer::DripForever) => false,
        };
        if !refused {
            self.shared.record.lock().unwrap().received.push(received);
        }
        self.act(answer, "250 2.0.0 Ok: queued").await?;
        Ok(())
    }
}

fn is_positive(lines: &str) -> bool {
    lines.starts_with(['2', '3'])
}

/// An authority that nobody else trusts, and certificates from it.
pub struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: rcgen::Issuer::new(params, key),
            pem,
        }
    }

    /// A server's side of TLS, with a certificate for `name`.
    pub fn server(&self, name: &str) -> Arc<rustls::ServerConfig> {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        Arc::new(config)
    }

    /// Writes the authority's certificate into a folder, for `ca_file`.
    pub fn write(&self, folder: &std::path::Path) -> PathBuf {
        let path = folder.join("ca.pem");
        std::fs::write(&path, &self.pem).unwrap();
        path
    }
}
