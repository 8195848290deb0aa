//! The console: the files of `console/dist/`, and one page, whichever of its addresses is asked for.
//!
//! Which of its pages is shown, the console decides in the browser (`console/README.md`).

use std::sync::Arc;

use poem::error::NotFoundError;
use poem::{Endpoint, Request, Response, Result, Route, get};
use rust_embed::RustEmbed;

use super::document::{Document, FRESH};
use super::front_end;

#[derive(RustEmbed)]
#[folder = "console/dist/"]
struct Files;

/// What pages may do, and to show the e-mails of the queue in a frame.
pub(super) fn policy(of_pages: &str) -> String {
    format!("{of_pages}; frame-src 'self'")
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
        // A page that an earlier version sent may ask for what is no longer there.
        if path.starts_with("assets/") {
            return Err(NotFoundError.into());
        }
        self.page.call(request).await
    }
}
