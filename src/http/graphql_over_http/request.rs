//! The request: its parameters from a JSON body or from the URL (GraphQL over HTTP, section 5).

use async_graphql::{Request as GraphqlRequest, Value as ConstValue, Variables};
use poem::Request;
use poem::error::ReadBodyError;
use poem::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

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
    query: Option<String>,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    variables: Variables,
    /// Nobody reads more of them than whether they stand in for the query, but they must be a map.
    extensions: Option<serde_json::Map<String, serde_json::Value>>,
    /// Stands in for the query as well (GraphQL over HTTP, appendix A).
    #[serde(rename = "documentId")]
    document_id: Option<serde_json::Value>,
}

impl Parameters {
    /// What is to be executed.
    ///
    /// # Errors
    ///
    /// If there is no query. Clients with persisted queries send a digest in its place; told that
    /// the server does not know how to look it up, they send the query.
    pub(super) fn into_request(self) -> Result<GraphqlRequest, Refusal> {
        let is_persisted = self.document_id.is_some()
            || self
                .extensions
                .is_some_and(|extensions| extensions.contains_key("persistedQuery"));
        let query = match self.query {
            Some(query) if !query.is_empty() => query,
            _ if is_persisted => return Err(Refusal::persisted_query_not_supported()),
            _ => {
                return Err(Refusal::bad_request(
                    "The request has no `query`, which is the text of a GraphQL document.",
                ));
            }
        };
        let mut request = GraphqlRequest::new(query).variables(self.variables);
        request.operation_name = self.operation_name.filter(|name| !name.is_empty());
        Ok(request)
    }
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
        Method::GET | Method::HEAD => from_url(request).map(Requests::One),
        _ => Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Send the request by POST, or a query by GET.",
        )),
    }
}

async fn from_body(request: &mut Request) -> Result<Requests, Refusal> {
    must_be_json(request.headers())?;
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
    // Some programs begin every text with a byte order mark, which readers may pass over (RFC 8259,
    // section 8.1).
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if body.trim_ascii_start().first() != Some(&b'[') {
        return Ok(Requests::One(
            serde_json::from_slice(body).map_err(malformed)?,
        ));
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
    Ok(Requests::Batch(batch))
}

/// Any web page may send forms and plain text anywhere; JSON it may not.
fn must_be_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let unsupported = |message| Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let content_type = String::from_utf8_lossy(value.unwrap_or_default());
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    if !essence.eq_ignore_ascii_case("application/json") {
        return unsupported("Send the request as application/json.");
    }
    if !parts.all(is_utf8) {
        return unsupported(
            "Send application/json in UTF-8, as RFC 8259 demands, and without another `charset`.",
        );
    }
    if headers.get_all(CONTENT_ENCODING).iter().any(is_compressed) {
        return unsupported("Send the body of application/json without a `Content-Encoding`.");
    }
    Ok(())
}

/// Whether a parameter of the media type leaves JSON what it is. It has no charset (RFC 8259, section
/// 11), and many clients name one all the same; ASCII is a part of UTF-8.
fn is_utf8(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let charset = value.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    !name.trim().eq_ignore_ascii_case("charset")
        || ["", "utf-8", "utf8", "us-ascii", "ascii"].contains(&charset.as_str())
}

fn is_compressed(encoding: &HeaderValue) -> bool {
    !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
}

fn from_url(request: &Request) -> Result<Parameters, Refusal> {
    let mut url = Url::default();
    let text = request.uri().query().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let parameter = match &*name {
            "query" => &mut url.query,
            "operationName" => &mut url.operation_name,
            "variables" => &mut url.variables,
            "extensions" => &mut url.extensions,
            "documentId" => &mut url.document_id,
            _ => continue,
        };
        if parameter.replace(value.into_owned()).is_some() {
            return Err(Refusal::bad_request(format!(
                "The URL has `{name}` more than once."
            )));
        }
    }
    let parameters = Parameters {
        query: url.query,
        operation_name: url.operation_name,
        variables: json("variables", url.variables)?.unwrap_or_default(),
        extensions: json("extensions", url.extensions)?,
        document_id: url.document_id.map(serde_json::Value::String),
    };
    Ok(parameters)
}

/// The parameters of a URL, each as it was written.
#[derive(Default)]
struct Url {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
    document_id: Option<String>,
}

fn json<T: DeserializeOwned>(name: &str, text: Option<String>) -> Result<Option<T>, Refusal> {
    match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => serde_json::from_str(text).map_err(|error| {
            Refusal::bad_request(format!("`{name}` is not a JSON object: {error}."))
        }),
    }
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
