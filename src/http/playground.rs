//! The playground: the files of `playground/dist/`, built in and sent as they are.
//!
//! How the bundle is made, and which headers it asks for, stands in `playground/README.md`.

use poem::error::NotFoundError;
use poem::http::StatusCode;
use poem::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use poem::web::Path;
use poem::{Response, Result, handler};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "playground/dist/"]
struct Files;

/// Monaco, the editor, writes inline styles; nothing else is allowed that the server has not sent.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /playground`
#[handler]
pub fn index() -> Result<Response> {
    send("index.html")
}

/// `GET /playground/…`
#[handler]
pub fn asset(Path(path): Path<String>) -> Result<Response> {
    match path.as_str() {
        "" => Ok(Response::builder()
            .status(StatusCode::PERMANENT_REDIRECT)
            .header(LOCATION, "/playground")
            .finish()),
        path => send(path),
    }
}

fn send(path: &str) -> Result<Response> {
    let file = Files::get(&format!("{path}.gz")).ok_or(NotFoundError)?;
    // The name of an asset holds a digest of its content: a changed one has another name.
    let caching = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    Ok(Response::builder()
        .header(CONTENT_TYPE, content_type(path))
        .header(CONTENT_ENCODING, "gzip")
        .header(CACHE_CONTROL, caching)
        .header("content-security-policy", POLICY)
        .header("referrer-policy", "no-referrer")
        .body(match file.data {
            std::borrow::Cow::Borrowed(bytes) => poem::Body::from_bytes(bytes.into()),
            std::borrow::Cow::Owned(bytes) => poem::Body::from_vec(bytes),
        }))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("ttf") => "font/ttf",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
