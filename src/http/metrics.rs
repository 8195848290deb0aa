//! `GET /metrics`, on an address of its own: operators may read it, and nobody else.

use std::sync::Arc;

use poem::http::StatusCode;
use poem::http::header::CONTENT_TYPE;
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Response, Route, get, handler};

use crate::app::App;
use crate::metrics;

/// All that the address of metrics answers.
pub fn metrics_routes(app: Arc<App>) -> impl Endpoint {
    Route::new().at("/metrics", get(read)).data(app)
}

#[handler]
async fn read(app: Data<&Arc<App>>) -> Response {
    match metrics::text(app.0).await {
        Ok(text) => Response::builder()
            .header(
                CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )
            .body(text),
        Err(error) => {
            tracing::error!(?error, "cannot read the metrics");
            StatusCode::SERVICE_UNAVAILABLE.into()
        }
    }
}
