//! The way to the collector: one request of HTTP/1.1 on a connection of its own, for each batch of spans. What goes
//! wrong is said once, and once more when it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use poem::http::header::{HOST, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use url::Url;

/// How long one request may take in all.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// The longest response that is read, in bytes: it says little.
const MAX_RESPONSE: usize = 64 * 1024;

/// The collector.
#[derive(Debug)]
pub(super) struct Collector {
    address: Address,
    /// The threads that export are not the runtime's own.
    runtime: Handle,
    fails: AtomicBool,
}

/// Where it is.
#[derive(Clone, Debug)]
pub(super) struct Address {
    host: String,
    port: u16,
    authority: String,
    is_https: bool,
}

/// Where the collector of that URL is.
///
/// # Errors
///
/// A sentence: it is not one of HTTP.
pub(super) fn address_of(endpoint: &str) -> Result<Address, String> {
    let address = || {
        let url = Url::parse(endpoint).ok()?;
        let is_https = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = url.host_str()?;
        let port = url.port_or_known_default()?;
        Some(Address {
            // An IPv6 address has brackets there.
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority: format!("{host}:{port}"),
            is_https,
        })
    };
    address()
        .ok_or_else(|| "telemetry.endpoint: must be a URL such as http://127.0.0.1:4318".to_owned())
}

impl Collector {
    /// The one at that URL. To be called in the runtime.
    ///
    /// # Errors
    ///
    /// As for [`address_of`], and where there is no runtime.
    pub(super) fn new(endpoint: &str) -> Result<Self, String> {
        Ok(Self {
            address: address_of(endpoint)?,
            runtime: Handle::try_current().map_err(|error| error.to_string())?,
            fails: AtomicBool::new(false),
        })
    }

    fn note(&self, outcome: &Result<Response<Bytes>, HttpError>) {
        let problem = match outcome {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("status {}", response.status())),
            Err(error) => Some(error.to_string()),
        };
        let failed = self.fails.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(problem) if !failed => {
                tracing::warn!(problem, "spans cannot be exported to telemetry.endpoint");
            }
            None if failed => tracing::info!("spans are exported again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = send(self.address.clone(), request);
        // The clock is the runtime's as well.
        let in_time = async move { tokio::time::timeout(ANSWERS_WITHIN, sent).await };
        let sent = self.runtime.spawn(in_time);
        let outcome = match sent.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err("it does not respond".into()),
            Err(error) => Err(error.into()),
        };
        self.note(&outcome);
        outcome
    }
}

async fn send(address: Address, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let connection = TcpStream::connect((&*address.host, address.port)).await?;
    if !address.is_https {
        return exchange(connection, &address, request).await;
    }
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(address.host.clone())?;
    let connector = TlsConnector::from(Arc::new(config));
    let connection = connector.connect(name, connection).await?;
    exchange(connection, &address, request).await
}

async fn exchange(
    connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    address: &Address,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(connection)).await?;
    // It ends with the response; what goes wrong on it is told whoever waits for that.
    tokio::spawn(connection);
    let (mut head, body) = request.into_parts();
    // To a server, a request names the path alone.
    if let Some(path) = head.uri.path_and_query() {
        head.uri = path.as_str().parse()?;
    }
    let host = HeaderValue::from_str(&address.authority)?;
    head.headers.insert(HOST, host);
    let request = Request::from_parts(head, Full::new(body));
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, MAX_RESPONSE).collect().await?;
    Ok(Response::from_parts(head, body.to_bytes()))
}
