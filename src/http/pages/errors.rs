//! What a person sees at an address where there is no page: a page, in the look of the others.
//! Programs get the plain error.

use std::sync::Arc;

use poem::error::MethodNotAllowedError;
use poem::http::header::{ACCEPT, ALLOW};
use poem::http::{HeaderMap, HeaderValue, StatusCode};
use poem::{Endpoint, Error, IntoResponse, Request, Response, Result};

use super::Look;
use crate::http::document::{Document, NEVER};

/// Status, title and text. The first one stands for every other status.
const ERRORS: &[(StatusCode, &str, &str)] = &[
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something went wrong",
        "Something went wrong on our side. Please try again later.",
    ),
    (
        StatusCode::NOT_FOUND,
        "There is no such page",
        "The address may be mistyped or out of date. If you followed a link in an e-mail, copy the whole link into the address bar.",
    ),
    (
        StatusCode::METHOD_NOT_ALLOWED,
        "This page cannot be used like that",
        "Something was sent to a page that can only be read. Go back, reload the page, and try again.",
    ),
];

/// The pages for errors; none where a deployment has switched the pages off.
#[derive(Clone, Default)]
pub struct ErrorPages(Arc<Vec<(StatusCode, Document)>>);

impl ErrorPages {
    pub(super) fn new(look: &Look) -> std::result::Result<Self, String> {
        let mut pages = Vec::new();
        for (status, title, text) in ERRORS {
            let html = look.render_error(title, text)?;
            pages.push((*status, Document::page(html, &look.policy, NEVER)));
        }
        Ok(Self(Arc::new(pages)))
    }

    /// Answers for the routes where none of them does, or fails.
    pub async fn around<E: Endpoint>(self, next: Arc<E>, request: Request) -> Result<Response> {
        let wants_page = accepts_html(request.headers());
        match next.call(request).await {
            Ok(response) => Ok(response.into_response()),
            Err(error) => Ok(self.answer(error, wants_page)),
        }
    }

    fn answer(&self, error: Error, wants_page: bool) -> Response {
        let status = error.status();
        let page = self
            .0
            .iter()
            .find(|(known, _)| *known == status)
            .or(self.0.first())
            .filter(|_| wants_page);
        // Every page and file can be read, and nothing else (RFC 9110, section 15.5.6).
        let is_only_read = error.is::<MethodNotAllowedError>();
        let mut response = match page {
            Some((_, document)) => document.response(status),
            None => error.into_response(),
        };
        if is_only_read {
            let methods = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, methods);
        }
        response
    }
}

/// Whether a person asks: browsers name HTML where they open a page, and programs do not.
fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .any(|range| range.trim().eq_ignore_ascii_case("text/html"))
}
