//! A request's identifier: in the answer's `X-Request-Id`, and on every line that the request
//! leaves in the log.

use std::sync::Arc;
use std::time::Instant;

use poem::http::{HeaderName, HeaderValue, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use tracing::Instrument;
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The identifier of a request, for those who report it to the caller.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Gives the request an identifier, and notes when it is done.
pub async fn with_request_id<E: Endpoint>(next: Arc<E>, mut request: Request) -> Result<Response> {
    #[allow(
        clippy::disallowed_methods,
        reason = "it only has to differ from all others"
    )]
    let id = Uuid::now_v7().simple().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", id, %method, path);
    async move {
        let begun = Instant::now();
        let mut response = match next.call(request).await {
            Ok(response) => response.into_response(),
            Err(error) => {
                let response = error.into_response();
                log_failure(response.status());
                response
            }
        };
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HEADER, value);
        }
        tracing::debug!(
            status = response.status().as_u16(),
            duration_ms = begun.elapsed().as_secs_f64() * 1_000.0,
            "answered"
        );
        Ok(response)
    }
    .instrument(span)
    .await
}

fn log_failure(status: StatusCode) {
    if status.is_server_error() {
        tracing::error!(status = status.as_u16(), "a request failed");
    }
}
