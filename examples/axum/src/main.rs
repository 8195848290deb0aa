//! A back end of one's own: Usher tells who sends a request. `GET /orders` answers with whoever
//! asks; without the token of somebody who is signed in, the status is 401.

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::json;

const WHO: &str = "{ viewer { id email displayName applications { code viewerPermissions } } }";

/// Whoever sends a request. A handler that takes one is called for nobody else.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Viewer {
    id: String,
    email: String,
    display_name: String,
    applications: Vec<Application>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Application {
    code: String,
    viewer_permissions: Vec<String>,
}

/// Why a request is not served.
enum Refusal {
    /// There is no token of anybody who is signed in.
    Nobody,
    /// Usher cannot say at present.
    Unknown,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Nobody => {
                let challenge = [("www-authenticate", "Bearer")];
                (StatusCode::UNAUTHORIZED, challenge, "Sign in first.\n").into_response()
            }
            Self::Unknown => {
                let later = [("retry-after", "5")];
                (StatusCode::SERVICE_UNAVAILABLE, later, "Try again.\n").into_response()
            }
        }
    }
}

/// Where Usher is. Its connections stay open from one request to the next.
#[derive(Clone)]
struct Usher {
    client: reqwest::Client,
    url: String,
}

impl Usher {
    /// Whose token it is. The token alone is passed on: a cookie that came with it was sent by a
    /// browser, perhaps for a page of somebody else.
    async fn viewer(&self, headers: &HeaderMap) -> Result<Viewer, Refusal> {
        let token = headers.get(AUTHORIZATION).ok_or(Refusal::Nobody)?;
        let request = self.client.post(format!("{}/graphql", self.url));
        let request = request.header(AUTHORIZATION, token);
        let answer = async {
            let response = request.json(&json!({ "query": WHO })).send().await?;
            response.json::<Answer>().await
        };
        let refused = |why: &str| {
            eprintln!("Usher does not answer: {why}");
            Refusal::Unknown
        };
        let answer = answer.await.map_err(|error| refused(&error.to_string()))?;
        if let Some(error) = answer.errors.first() {
            return Err(refused(&error.message));
        }
        let data = answer.data.ok_or_else(|| refused("no data"))?;
        data.viewer.ok_or(Refusal::Nobody)
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

#[derive(Deserialize)]
struct GraphqlError {
    message: String,
}

#[derive(Deserialize)]
struct Data {
    viewer: Option<Viewer>,
}

impl FromRequestParts<Usher> for Viewer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, usher: &Usher) -> Result<Self, Refusal> {
        usher.viewer(&parts.headers).await
    }
}

async fn orders(viewer: Viewer) -> Json<Viewer> {
    Json(viewer)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let usher = Usher {
        client: reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .build()?,
        url: env::var("USHER_URL").unwrap_or_else(|_| "http://127.0.0.1:8000".into()),
    };
    let app = axum::Router::new()
        .route("/orders", get(orders))
        .with_state(usher);
    let bind = env::var("BIND").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(bind).await?;
    println!("Listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
