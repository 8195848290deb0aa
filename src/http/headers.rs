//! Headers that every answer carries: what browsers must not do with it, and which pages of other
//! origins may read it (CORS, Fetch Standard).

use std::sync::Arc;

use poem::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    STRICT_TRANSPORT_SECURITY, VARY,
};
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response, Result};

use super::origins::AllowedOrigins;
use crate::config::Config;

/// What OWASP's HTTP Headers Cheat Sheet asks for of an API. A page of our own may say otherwise.
const HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    // A link with a token must not travel on.
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    // Pages of other origins embed nothing of this server; allowed ones read by CORS.
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// The longest list of header names that a page may ask for, in bytes.
const MAX_NAMES: usize = 2_048;

/// Which headers this server's answers carry.
#[derive(Clone, Debug)]
pub struct Headers {
    is_https: bool,
    /// Nothing where no other origin is allowed.
    origins: Option<AllowedOrigins>,
}

impl Headers {
    /// As the settings ask for.
    pub fn new(settings: &Config, origins: &AllowedOrigins) -> Self {
        let has_foreign = !settings.server.allowed_origins.is_empty();
        Self {
            is_https: settings.server.public_url.starts_with("https://"),
            origins: has_foreign.then(|| origins.clone()),
        }
    }

    /// Answers what a browser asks before it lets a page send a request, and adds the headers to
    /// every answer.
    pub async fn around<E: Endpoint>(self, next: Arc<E>, request: Request) -> Result<Response> {
        let origin = self.allowed_origin(request.headers());
        let is_preflight = request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = match (&origin, is_preflight) {
            (Some(_), true) => preflight(request.headers()),
            _ => match next.call(request).await {
                Ok(response) => response.into_response(),
                Err(error) => error.into_response(),
            },
        };
        self.add(response.headers_mut(), origin);
        Ok(response)
    }

    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let is_allowed = self.origins.as_ref()?.allow(origin.to_str().ok()?);
        is_allowed.then(|| origin.clone())
    }

    fn add(&self, headers: &mut HeaderMap, origin: Option<HeaderValue>) {
        for (name, value) in HEADERS {
            headers
                .entry(*name)
                .or_insert(HeaderValue::from_static(value));
        }
        if self.is_https {
            let two_years = HeaderValue::from_static("max-age=63072000");
            headers.insert(STRICT_TRANSPORT_SECURITY, two_years);
        }
        if self.origins.is_some() {
            headers.append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let yes = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
            let readable = HeaderValue::from_static("retry-after, x-request-id");
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, readable);
        }
    }
}

/// Lets a page of an allowed origin send what it asks for: which headers it sends is its own affair,
/// and libraries for tracing or for GraphQL add some of theirs to every request.
fn preflight(headers: &HeaderMap) -> Response {
    let asked_for = headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
    let usual = HeaderValue::from_static("authorization, content-type");
    let response = Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(ACCESS_CONTROL_ALLOW_METHODS, "GET, POST")
        .header(
            ACCESS_CONTROL_ALLOW_HEADERS,
            asked_for
                .filter(|names| are_header_names(names))
                .unwrap_or(&usual),
        )
        .header(ACCESS_CONTROL_MAX_AGE, "600")
        .header(VARY, ACCESS_CONTROL_REQUEST_HEADERS);
    // A page from the Internet that asks a server on this network (Private Network Access).
    if headers.contains_key("access-control-request-private-network") {
        return response
            .header("access-control-allow-private-network", "true")
            .finish();
    }
    response.finish()
}

/// Whether the value is a list of header names (RFC 9110, section 5.1), of a length that no browser
/// exceeds.
fn are_header_names(value: &HeaderValue) -> bool {
    let names = value.as_bytes();
    names.len() <= MAX_NAMES
        && names
            .split(|byte| *byte == b',')
            .all(|name| HeaderName::from_bytes(name.trim_ascii()).is_ok())
}
