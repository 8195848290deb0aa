//! Whether the server is alive, and whether it can serve requests: for load balancers and supervisors.

use std::sync::Arc;

use poem::handler;
use poem::http::StatusCode;
use poem::web::Data;

use crate::app::App;

/// `GET /healthz`: the process is alive.
#[handler]
pub fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database responds, its schema is up to date, and the mail worker runs.
#[handler]
pub async fn readyz(app: Data<&Arc<App>>) -> (StatusCode, &'static str) {
    match app.is_ready().await {
        Ok(true) if app.worker_runs() => (StatusCode::OK, "ok\n"),
        Ok(true) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the mail worker has stopped\n",
        ),
        Ok(false) => (
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
