//! What is written once and sent alike to everybody.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG};
use poem::web::headers::{ETag, HeaderMapExt, IfNoneMatch};
use poem::{Body, Endpoint, Request, Response, Result};
use sha2::{Digest, Sha256};

/// A copy is used if the server says that nothing has changed.
pub(super) const FRESH: &str = "no-cache";

/// A cache is a list of addresses, and the address of this page may hold a token.
pub(super) const NEVER: &str = "no-store";

/// A copy is used without asking: the name of such a file holds a digest of its content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// A page, or something that a page loads.
#[derive(Clone)]
pub(super) struct Document {
    body: Written,
    content_type: &'static str,
    policy: Arc<str>,
    tag: String,
    caching: &'static str,
}

/// How it was written.
#[derive(Clone)]
enum Written {
    Plainly(Arc<str>),
    /// Into the binary, by gzip.
    Compressed(&'static [u8]),
}

impl Document {
    pub(super) fn new(body: String, content_type: &'static str, policy: &str) -> Self {
        Self {
            tag: tag(&Sha256::digest(body.as_bytes())),
            policy: policy.into(),
            content_type,
            body: Written::Plainly(body.into()),
            caching: FRESH,
        }
    }

    /// A file of a front end that is built in.
    pub(super) fn compressed(
        content: &'static [u8],
        digest: &[u8],
        name: &str,
        policy: &str,
    ) -> Self {
        Self {
            tag: tag(digest),
            policy: policy.into(),
            content_type: content_type(name),
            body: Written::Compressed(content),
            caching: if name.starts_with("assets/") {
                FOR_EVER
            } else {
                FRESH
            },
        }
    }

    /// A page, and what becomes of it in a cache.
    pub(super) fn page(html: String, policy: &str, caching: &'static str) -> Self {
        Self {
            caching,
            ..Self::new(html, "text/html; charset=utf-8", policy)
        }
    }

    /// It, or that the copy which somebody has is it still.
    pub(super) fn answer(&self, request: &Request) -> Response {
        // A list of tags, and weak ones where a proxy has compressed the page (RFC 9110, section 13.1.2).
        let known = request.headers().typed_get::<IfNoneMatch>();
        let tag = self.tag.parse::<ETag>().ok();
        let is_known =
            (known.zip(tag)).is_some_and(|(known, tag)| !known.precondition_passes(&tag));
        self.response(if is_known {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::OK
        })
    }

    pub(super) fn response(&self, status: StatusCode) -> Response {
        let answer = Response::builder()
            .status(status)
            .header(CONTENT_TYPE, self.content_type)
            .header(CACHE_CONTROL, self.caching)
            .header(ETAG, &self.tag)
            .header("content-security-policy", &*self.policy)
            // The address of a page may hold a token: no other server is told where one came from.
            .header("referrer-policy", "no-referrer");
        match (status, &self.body) {
            (StatusCode::NOT_MODIFIED, _) => answer.finish(),
            (_, Written::Plainly(text)) => answer.body(text.to_string()),
            (_, Written::Compressed(content)) => answer
                .header(CONTENT_ENCODING, "gzip")
                .body(Body::from_bytes((*content).into())),
        }
    }
}

/// Names the content (RFC 9110, section 8.8.3).
fn tag(digest: &[u8]) -> String {
    let start = digest.iter().take(12).map(|byte| format!("{byte:02x}"));
    format!("\"{}\"", start.collect::<String>())
}

/// By the end of the name.
pub(super) fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
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

impl Endpoint for Document {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        Ok(self.answer(&request))
    }
}
