//! The line to the mail server: commands out, replies in, before and after TLS begins.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::reply::{Reading, Reply};

/// The longest line that is waited for; of a reply, less than that is kept.
const LONGEST: usize = 64 * 1024;

/// How much is read at a time.
const CHUNK: usize = 4 * 1024;

/// What TLS needs to know.
#[derive(Clone)]
pub(super) struct Tls {
    pub config: Arc<ClientConfig>,
    pub name: ServerName<'static>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// In between, and after a handshake that failed.
    None,
}

/// One connection.
pub(super) struct Wire {
    stream: Stream,
    /// What was read and is not yet used.
    ahead: Vec<u8>,
}

impl Wire {
    pub fn new(tcp: TcpStream) -> Self {
        // A command waits for its reply; holding back small packets would only delay it.
        let _ = tcp.set_nodelay(true);
        Self {
            stream: Stream::Plain(tcp),
            ahead: Vec::new(),
        }
    }

    pub fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// The address of this end.
    pub fn local_ip(&self) -> Option<std::net::IpAddr> {
        let tcp = match &self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref().0,
            Stream::None => return None,
        };
        tcp.local_addr().ok().map(|address| address.ip())
    }

    /// Begins TLS. Whatever the other side sent before, it did not send under TLS: whoever can
    /// change what is on the line could have added it (RFC 3207 §6).
    pub async fn encrypt(&mut self, tls: &Tls) -> io::Result<()> {
        if !self.ahead.is_empty() {
            return Err(io::Error::other(rustls::Error::InvalidMessage(
                rustls::InvalidMessage::InvalidContentType,
            )));
        }
        let Stream::Plain(tcp) = std::mem::replace(&mut self.stream, Stream::None) else {
            return Err(io::Error::other("TLS has begun already"));
        };
        let connector = TlsConnector::from(Arc::clone(&tls.config));
        let stream = connector.connect(tls.name.clone(), tcp).await?;
        self.stream = Stream::Tls(Box::new(stream));
        Ok(())
    }

    pub async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets).await?;
        self.stream.flush().await
    }

    /// Waits for the next reply, of all its lines.
    pub async fn reply(&mut self) -> io::Result<Reply> {
        let mut reading = Reading::default();
        loop {
            let line = match self.line().await {
                Ok(line) => line,
                Err(error) => return reading.cut().ok_or(error),
            };
            if let Some(reply) = reading.line(&line)? {
                return Ok(reply);
            }
        }
    }

    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.ahead[searched..]
                .iter()
                .position(|&octet| octet == b'\n')
            {
                let rest = self.ahead.split_off(searched + at + 1);
                let mut line = std::mem::replace(&mut self.ahead, rest);
                line.pop();
                line.pop_if(|octet| *octet == b'\r');
                return Ok(line);
            }
            searched = self.ahead.len();
            if searched > LONGEST {
                return Err(io::Error::other("its reply has a line without end"));
            }
            let mut chunk = [0; CHUNK];
            match self.stream.read(&mut chunk).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.ahead.extend_from_slice(&chunk[..read]),
            }
        }
    }

    /// Whether the server has said something by itself, or has closed the connection: it may take
    /// leave of a client that is silent (RFC 5321 §3.8). Does not wait.
    pub async fn has_news(&mut self) -> bool {
        if !self.ahead.is_empty() {
            return true;
        }
        let mut chunk = [0; CHUNK];
        let mut read = ReadBuf::new(&mut chunk);
        let looked = std::future::poll_fn(|cx| {
            Poll::Ready(Pin::new(&mut self.stream).poll_read(cx, &mut read))
        });
        match tokio::task::unconstrained(looked).await {
            Poll::Pending => false,
            Poll::Ready(_) => {
                self.ahead.extend_from_slice(read.filled());
                true
            }
        }
    }
}

fn is_gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
            Self::None => Poll::Ready(Err(is_gone())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
            Self::None => Poll::Ready(Err(is_gone())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
            Self::None => Poll::Ready(Err(is_gone())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
            Self::None => Poll::Ready(Ok(())),
        }
    }
}
