//! Whether the server lives, and whether it can work: for load balancers and supervisors.

use std::sync::Arc;

use poem::handler;
use poem::http::StatusCode;
use poem::web::Data;

use crate::app::App;

/// `GET /healthz`: the process answers.
#[handler]
pub fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers, its schema is up to date, and the mail worker runs.
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
            "the database has to be migrated\n",
        ),
        Err(error) => {
            tracing::error!(?error, "the database does not answer");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            )
        }
    }
}
