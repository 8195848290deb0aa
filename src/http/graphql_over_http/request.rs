//! The request: its parameters from a JSON body or from the URL (GraphQL over HTTP, section 5).

use async_graphql::Variables;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use poem::Request;
use poem::error::ReadBodyError;
use poem::http::header::CONTENT_TYPE;
use poem::http::{Method, StatusCode};
use serde::Deserialize;

use super::response::Refusal;

/// The largest body, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// The parameters of a request (GraphQL over HTTP, section 5.1). `null` is as good as absent.
#[derive(Deserialize)]
pub(super) struct Parameters {
    pub(super) query: String,
    #[serde(default, rename = "operationName")]
    pub(super) operation_name: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) variables: Variables,
    /// Nobody reads them, but they must be a map.
    #[serde(default, rename = "extensions")]
    _extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Variables, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

pub(super) async fn parameters(request: &mut Request) -> Result<Parameters, Refusal> {
    match *request.method() {
        Method::POST => from_body(request).await,
        Method::GET => from_url(request),
        _ => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Send the request by POST, or a query by GET.",
        )),
    }
}

async fn from_body(request: &mut Request) -> Result<Parameters, Refusal> {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(is_json) {
        // Any web page may send forms and plain text anywhere; JSON it may not.
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send the request as application/json.",
        ));
    }
    let body = request
        .take_body()
        .into_bytes_limit(MAX_BODY)
        .await
        .map_err(|error| match error {
            ReadBodyError::PayloadTooLarge => Refusal {
                code: "LIMIT_EXCEEDED",
                ..Refusal::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("The body has more than {MAX_BODY} bytes."),
                )
            },
            _ => Refusal::bad_request("The body could not be read."),
        })?;
    serde_json::from_slice(&body).map_err(|error| {
        Refusal::bad_request(format!("The body is not a GraphQL request: {error}."))
    })
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    is_json && is_utf8
}

fn from_url(request: &Request) -> Result<Parameters, Refusal> {
    #[derive(Deserialize)]
    struct Url {
        query: String,
        #[serde(rename = "operationName")]
        operation_name: Option<String>,
        variables: Option<String>,
        extensions: Option<String>,
    }
    let url: Url = request
        .params()
        .map_err(|_| Refusal::bad_request("The URL has no `query`."))?;
    fn json<T: serde::de::DeserializeOwned + Default>(
        name: &str,
        text: Option<String>,
    ) -> Result<T, Refusal> {
        match text.as_deref() {
            None | Some("" | "null") => Ok(T::default()),
            Some(text) => serde_json::from_str(text).map_err(|error| {
                Refusal::bad_request(format!("`{name}` is no JSON object: {error}."))
            }),
        }
    }
    Ok(Parameters {
        query: url.query,
        operation_name: url.operation_name.filter(|name| !name.is_empty()),
        variables: json("variables", url.variables)?,
        _extensions: json("extensions", url.extensions)?,
    })
}

/// A link or an image can cause a GET from anywhere, so it must not change anything.
pub(super) fn must_be_a_query(
    document: &ExecutableDocument,
    name: Option<&str>,
) -> Result<(), Refusal> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(_), None) => None,
    };
    match operation {
        // Which operation is meant is for the executor to complain about.
        None => Ok(()),
        Some(operation) if operation.node.ty == OperationType::Query => Ok(()),
        Some(_) => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Only queries can be sent by GET; send this by POST.",
        )),
    }
}
