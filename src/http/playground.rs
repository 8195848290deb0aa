//! The playground: the files of `playground/dist/`.
//!
//! How the bundle is made, and which headers it asks for, stands in `playground/README.md`.

use poem::error::NotFoundError;
use poem::http::StatusCode;
use poem::http::header::LOCATION;
use poem::web::Path;
use poem::{Request, Response, Result, handler};
use rust_embed::RustEmbed;

use super::front_end;

#[derive(RustEmbed)]
#[folder = "playground/dist/"]
struct Files;

/// Monaco, the editor, writes inline styles; nothing else is allowed that the server has not sent.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /playground`
#[handler]
pub fn index(request: &Request) -> Result<Response> {
    send("index.html", request)
}

/// `GET /playground/…`
#[handler]
pub fn asset(Path(path): Path<String>, request: &Request) -> Result<Response> {
    match path.as_str() {
        "" => Ok(Response::builder()
            .status(StatusCode::PERMANENT_REDIRECT)
            .header(LOCATION, "/playground")
            .finish()),
        path => send(path, request),
    }
}

fn send(path: &str, request: &Request) -> Result<Response> {
    let file = front_end::file::<Files>(path, POLICY).ok_or(NotFoundError)?;
    Ok(file.answer(request))
}
