//! `usher healthcheck`: asks a running server, or a worker with `metrics.bind`, whether it is ready. For
//! containers, whose image has nothing else to ask with.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;
use usher::config::Layers;

use super::output::print_line;
use super::serve::reached_at;

/// Supervisors give up after some seconds themselves.
const TIMEOUT: Duration = Duration::from_secs(4);
/// The longest response that is read; the server's own are a line.
const MAX_RESPONSE: u64 = 4096;

/// Asks `/readyz` of the server at `url`, or of the one that these settings start.
pub async fn run(layers: &Layers, url: Option<&str>) -> Result<(), String> {
    let (host, path) = match url {
        Some(url) => target(url)?,
        None => {
            let settings = layers.read().map_err(|error| error.to_string())?;
            // Where operators look, clients cannot take all the room; and a worker is nowhere else.
            let (key, bind) = match settings.metrics.bind {
                Some(bind) => ("metrics.bind", bind),
                None => ("server.bind", settings.server.bind),
            };
            (own_address(key, bind)?.to_string(), String::new())
        }
    };
    let url = format!("http://{host}{path}/readyz");
    let asked = tokio::time::timeout(TIMEOUT, ask(&host, &format!("{path}/readyz"))).await;
    let response = match asked {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(format!("not ready: {url}: {error}")),
        Err(_) => return Err(format!("not ready: {url}: no response within 4 seconds")),
    };
    match response {
        (200, _) => print_line(&format!("ready: {url}")),
        (status, reason) => Err(format!("not ready: {url}: {status} {reason}")),
    }
}

/// The host with its port, and the path without a slash at its end.
fn target(url: &str) -> Result<(String, String), String> {
    let parsed = Url::parse(url).ok().filter(|url| {
        url.scheme() == "http" && url.username().is_empty() && url.password().is_none()
    });
    let host = parsed.as_ref().and_then(Url::host_str);
    match (&parsed, host) {
        (Some(url), Some(host)) => {
            let port = url.port_or_known_default().unwrap_or(80);
            let path = url.path().trim_end_matches('/');
            Ok((format!("{host}:{port}"), path.to_owned()))
        }
        _ => {
            Err("--url: must be the server's own address, such as http://127.0.0.1:8000".to_owned())
        }
    }
}

/// Where the server is reached that listens there by that setting.
fn own_address(key: &str, bind: SocketAddr) -> Result<SocketAddr, String> {
    if bind.port() == 0 {
        return Err(format!(
            "{key}: has port 0, so the server's port is not known; name it with --url http://127.0.0.1:PORT"
        ));
    }
    Ok(reached_at(bind))
}

/// The response's status, and the first line of its body.
async fn ask(host: &str, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.take(MAX_RESPONSE).read_to_end(&mut response).await?;
    let response = String::from_utf8_lossy(&response);
    let status = response
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or_else(|| std::io::Error::other("what listens there does not speak HTTP"))?;
    let (_, body) = response.split_once("\r\n\r\n").unwrap_or_default();
    Ok((status, body.lines().next().unwrap_or_default().to_owned()))
}
