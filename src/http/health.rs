//! Whether the server is alive, and whether it can serve requests: for load balancers and supervisors.

use std::fmt::Display;
use std::sync::Arc;

use poem::http::StatusCode;
use poem::http::header::{CONTENT_TYPE, RETRY_AFTER};
use poem::web::Data;
use poem::{Response, handler};

use crate::database::{Away, Schema};
use crate::domain::{App, Error};

/// `GET /healthz`: the process is alive.
#[handler]
pub fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the server is not about to stop, the database responds and takes changes as far as is
/// known, its schema lacks nothing, and the mail worker runs. A schema that
/// a newer version has extended is no reason to stop: during an update, the old servers answer until the
/// new ones do.
#[handler]
pub async fn readyz(app: Data<&Arc<App>>) -> Response {
    if app.draining.is_cancelled() {
        return not_ready("the server is stopping");
    }
    if let Some(away) = app.db.refuses_changes() {
        return not_ready(away);
    }
    match app.schema().await {
        Ok(Schema::UpToDate) if app.worker_runs() => said(StatusCode::OK, "ok"),
        Ok(Schema::Ahead(_)) if app.worker_runs() => said(
            StatusCode::OK,
            "ok, but the database's schema is newer than this version: update this server",
        ),
        Ok(Schema::UpToDate | Schema::Ahead(_)) => not_ready("the mail worker has stopped"),
        Ok(Schema::Behind(_)) => not_ready("the database has pending migrations"),
        Err(Error::Unavailable(away)) => not_ready(away),
        Err(error) => {
            error.report("cannot tell whether the database is ready");
            not_ready("the database does not respond as it should")
        }
    }
}

fn not_ready(why: impl Display) -> Response {
    let mut response = said(StatusCode::SERVICE_UNAVAILABLE, why);
    let wait = Away::RETRY_AFTER.as_secs();
    response.headers_mut().insert(RETRY_AFTER, wait.into());
    response
}

fn said(status: StatusCode, words: impl Display) -> Response {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(format!("{words}\n"))
}
