//! The console: the files of `console/dist/`, and one page, whichever of its addresses is asked for.
//!
//! Which of its pages is shown, the console decides in the browser (`console/README.md`).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::error::NotFoundError;
use poem::http::HeaderValue;
use poem::http::header::CACHE_CONTROL;
use poem::{Endpoint, Error, Request, Response, Result, Route, get};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::document::{Document, FRESH, NEVER};
use super::front_end;

#[derive(RustEmbed)]
#[folder = "console/dist/"]
struct Files;

/// The only style that is no file: React Aria Components puts it into the page on iOS while a dialog is open, which
/// keeps the page behind from scrolling. A policy names such a style by its hash (CSP Level 3, section 6.7.3).
const STYLE_ON_IOS: &str = "@layer {\n  * {\n    overscroll-behavior: contain;\n  }\n}";

/// What pages may do, and that style, and to show the e-mails of the queue in a frame.
pub(super) fn policy(of_pages: &str) -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE_ON_IOS));
    format!("{of_pages}; style-src-elem 'self' 'sha256-{hash}'; frame-src 'self'")
}

/// Adds the console to the routes. `page` is its HTML.
pub(super) fn add_to(routes: Route, page: String, policy: &str) -> Route {
    let console = Console {
        page: Document::page(page, policy, FRESH),
        policy: policy.into(),
    };
    routes
        .at("/console", get(console.clone()))
        .at("/console/*path", get(console))
}

#[derive(Clone)]
struct Console {
    page: Document,
    policy: Arc<str>,
}

impl Endpoint for Console {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let path = request.raw_path_param("path").unwrap_or_default();
        if let Some(file) = front_end::file::<Files>(path, &self.policy) {
            return file.call(request).await;
        }
        // A page that an earlier version sent may ask for what is no longer there, and one of a later version for
        // what another process has already: no cache may keep that it was missing.
        if path.starts_with("assets/") {
            let mut missing = Error::from(NotFoundError).into_response();
            let never = HeaderValue::from_static(NEVER);
            missing.headers_mut().insert(CACHE_CONTROL, never);
            return Ok(missing);
        }
        self.page.call(request).await
    }
}
