//! Whether the server is alive, and whether it can serve requests: for load balancers and supervisors.

use std::sync::Arc;

use poem::handler;
use poem::http::StatusCode;
use poem::web::Data;

use crate::database::Schema;
use crate::domain::App;

/// `GET /healthz`: the process is alive.
#[handler]
pub fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database responds, its schema lacks nothing, and the mail worker runs. A schema that
/// a newer version has extended is no reason to stop: during an update, the old servers answer until the
/// new ones do.
#[handler]
pub async fn readyz(app: Data<&Arc<App>>) -> (StatusCode, &'static str) {
    match app.schema().await {
        Ok(Schema::UpToDate) if app.worker_runs() => (StatusCode::OK, "ok\n"),
        Ok(Schema::Ahead(_)) if app.worker_runs() => (
            StatusCode::OK,
            "ok, but the database's schema is newer than this version: update this server\n",
        ),
        Ok(Schema::UpToDate | Schema::Ahead(_)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the mail worker has stopped\n",
        ),
        Ok(Schema::Behind(_)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database has pending migrations\n",
        ),
        Err(error) => {
            tracing::error!(?error, "the database does not respond");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not respond\n",
            )
        }
    }
}
