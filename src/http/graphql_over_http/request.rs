//! The request: its parameters from a JSON body or from the URL (GraphQL over HTTP, section 5).

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{Positioned, Value as ConstValue, Variables};
use poem::Request;
use poem::error::ReadBodyError;
use poem::http::header::CONTENT_TYPE;
use poem::http::{Method, StatusCode};
use serde::Deserialize;

use super::response::Refusal;

/// The largest body, in bytes.
pub(super) const MAX_BODY: usize = 256 * 1024;

/// The most requests that one body may hold.
const MAX_BATCH: usize = 10;

/// The most variables, how deep their values may lie in one another, and how many values there may
/// be in all.
const MAX_VARIABLES: usize = 100;
const MAX_NESTING: usize = 32;
const MAX_VALUES: usize = 5_000;

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

/// What a body or a URL asks for.
pub(super) enum Requests {
    One(Parameters),
    /// A JSON array of requests, to be executed in this order.
    Batch(Vec<Parameters>),
}

pub(super) async fn requests(request: &mut Request) -> Result<Requests, Refusal> {
    match *request.method() {
        Method::POST => from_body(request).await,
        Method::GET => from_url(request).map(Requests::One),
        _ => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Send the request by POST, or a query by GET.",
        )),
    }
}

async fn from_body(request: &mut Request) -> Result<Requests, Refusal> {
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
            ReadBodyError::PayloadTooLarge => Refusal::limit_exceeded(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The body has more than {MAX_BODY} bytes."),
            ),
            _ => Refusal::bad_request("The body could not be read."),
        })?;
    read_body(&body)
}

fn read_body(body: &[u8]) -> Result<Requests, Refusal> {
    let malformed = |error: serde_json::Error| {
        Refusal::bad_request(format!("The body is not a GraphQL request: {error}."))
    };
    if body.trim_ascii_start().first() != Some(&b'[') {
        let one: Parameters = serde_json::from_slice(body).map_err(malformed)?;
        check_variables(&one.variables)?;
        return Ok(Requests::One(one));
    }
    let batch: Vec<Parameters> = serde_json::from_slice(body).map_err(malformed)?;
    if batch.is_empty() {
        return Err(Refusal::bad_request("The batch has no request."));
    }
    if batch.len() > MAX_BATCH {
        return Err(Refusal::limit_exceeded(
            StatusCode::BAD_REQUEST,
            format!("The batch has more than {MAX_BATCH} requests."),
        ));
    }
    for one in &batch {
        check_variables(&one.variables)?;
    }
    Ok(Requests::Batch(batch))
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
        .ok()
        .filter(|url: &Url| !url.query.is_empty())
        .ok_or_else(|| Refusal::bad_request("The URL has no `query`."))?;
    fn json<T: serde::de::DeserializeOwned + Default>(
        name: &str,
        text: Option<String>,
    ) -> Result<T, Refusal> {
        match text.as_deref() {
            None | Some("" | "null") => Ok(T::default()),
            Some(text) => serde_json::from_str(text).map_err(|error| {
                Refusal::bad_request(format!("`{name}` is not a JSON object: {error}."))
            }),
        }
    }
    let parameters = Parameters {
        query: url.query,
        operation_name: url.operation_name.filter(|name| !name.is_empty()),
        variables: json("variables", url.variables)?,
        _extensions: json("extensions", url.extensions)?,
    };
    check_variables(&parameters.variables)?;
    Ok(parameters)
}

/// Bounds what the guard of the document does not see.
pub(super) fn check_variables(variables: &Variables) -> Result<(), Refusal> {
    let exceeds = |limit: usize, what: &str| {
        Err(Refusal::limit_exceeded(
            StatusCode::BAD_REQUEST,
            format!("The variables have more than {limit} {what}."),
        ))
    };
    if variables.len() > MAX_VARIABLES {
        return exceeds(MAX_VARIABLES, "entries");
    }
    let mut values = 0;
    let mut level: Vec<&ConstValue> = variables.values().collect();
    for _ in 0..MAX_NESTING {
        values += level.len();
        if values > MAX_VALUES {
            return exceeds(MAX_VALUES, "values");
        }
        level = level.into_iter().flat_map(inner_values).collect();
        if level.is_empty() {
            return Ok(());
        }
    }
    exceeds(MAX_NESTING, "levels")
}

fn inner_values(value: &ConstValue) -> Box<dyn Iterator<Item = &ConstValue> + '_> {
    match value {
        ConstValue::List(items) => Box::new(items.iter()),
        ConstValue::Object(fields) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

/// The operation that is meant, as far as one can be told (GraphQL specification, section 6.1): the
/// only one, or the one of that name.
pub(super) fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a Positioned<OperationDefinition>> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        // The parser keeps an operation that has a name among several, also where it is the only one.
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next()
        }
        (DocumentOperations::Multiple(_), None) => None,
    }
}

/// A link or an image can cause a GET from anywhere, so it must not change anything.
pub(super) fn must_be_a_query(
    document: &ExecutableDocument,
    name: Option<&str>,
) -> Result<(), Refusal> {
    match operation(document, name) {
        Some(operation) if operation.node.ty == OperationType::Query => Ok(()),
        Some(_) => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Only queries can be sent by GET; send this by POST.",
        )),
        None => Err(Refusal {
            is_of_document: true,
            ..Refusal::bad_request("Name one of the document's operations by `operationName`.")
        }),
    }
}
