//! The line before TLS. Whoever can change what is on it could add more replies to the server's
//! answer to `STARTTLS`; lettre would still hold them when the connection is encrypted, and take
//! them for what the server said under TLS. So until then no more than one line is read at a time.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// The first octet of a TLS handshake (RFC 8446 §5.1); no command begins with it.
const HANDSHAKE: u8 = 0x16;

/// How far to look for the end of a line. What is longer is read in several turns.
const PEEK: usize = 512;

/// A connection of which one line at a time is read until TLS begins.
#[derive(Debug)]
pub(super) struct Stream {
    tcp: TcpStream,
    by_line: bool,
}

impl Stream {
    /// `becomes_tls` says whether to expect that the connection will be encrypted.
    pub fn new(tcp: TcpStream, becomes_tls: bool) -> Self {
        Self {
            tcp,
            by_line: becomes_tls,
        }
    }
}

impl AsyncTokioStream for Stream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.by_line {
            return Pin::new(&mut self.tcp).poll_read(cx, buf);
        }
        let mut seen = [0; PEEK];
        let mut seen = ReadBuf::new(&mut seen);
        ready!(self.tcp.poll_peek(cx, &mut seen))?;
        let seen = seen.filled();
        let line = match seen.iter().position(|&octet| octet == b'\n') {
            Some(end) => end + 1,
            None => seen.len(),
        };
        // At the end of the connection nothing was seen, and nothing will be read.
        let mut part = [0; PEEK];
        let mut part = ReadBuf::new(&mut part[..line.min(buf.remaining())]);
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buf.first() == Some(&HANDSHAKE) {
            self.by_line = false;
        }
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
