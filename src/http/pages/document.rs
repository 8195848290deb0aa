//! What is written once and sent alike to everybody.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use poem::{Endpoint, Request, Response, Result};
use sha2::{Digest, Sha256};

/// A copy is used if the server says that nothing has changed.
pub(super) const FRESH: &str = "no-cache";

/// A cache is a list of addresses, and the address of this page may hold a token.
pub(super) const NEVER: &str = "no-store";

/// A page, or something that a page loads.
#[derive(Clone)]
pub(super) struct Document {
    body: Arc<str>,
    content_type: &'static str,
    policy: Arc<str>,
    tag: String,
    caching: &'static str,
}

impl Document {
    pub(super) fn new(body: String, content_type: &'static str, policy: &str) -> Self {
        let digest = Sha256::digest(body.as_bytes());
        let tag = digest.iter().take(12).map(|byte| format!("{byte:02x}"));
        Self {
            tag: format!("\"{}\"", tag.collect::<String>()),
            policy: policy.into(),
            content_type,
            body: body.into(),
            caching: FRESH,
        }
    }

    /// A page, and what becomes of it in a cache.
    pub(super) fn page(html: String, policy: &str, caching: &'static str) -> Self {
        Self {
            caching,
            ..Self::new(html, "text/html; charset=utf-8", policy)
        }
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
        match status {
            StatusCode::NOT_MODIFIED => answer.finish(),
            _ => answer.body(self.body.to_string()),
        }
    }
}

impl Endpoint for Document {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let is_known = request
            .headers()
            .get(IF_NONE_MATCH)
            .is_some_and(|tag| tag.as_bytes() == self.tag.as_bytes());
        Ok(self.response(if is_known {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::OK
        }))
    }
}
