//! The GraphQL endpoint, by the GraphQL-over-HTTP specification
//! (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! async-graphql's ready-made endpoint runs mutations sent by GET, takes form bodies that any web
//! page can send, and knows no limits; this one does not. What a request may do is not decided here.

use std::sync::Arc;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{
    Request as GraphqlRequest, Response as GraphqlResponse, ServerError, Value, Variables,
};
use futures_util::FutureExt;
use poem::error::ReadBodyError;
use poem::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE};
use poem::http::{HeaderMap, Method, StatusCode};
use poem::{Endpoint, Request, Response, Result};
use serde::{Deserialize, Serialize};

use super::client::TrustedProxies;
use super::cookie::SessionCookie;
use super::identity::{AllowedOrigins, IdentityError, identify};
use super::request_log::RequestId;
use crate::app::App;
use crate::graphql::Schema;
use crate::graphql::context::Caller;
use crate::graphql::error::{Code, WasExecuted};

/// The largest body, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// The most errors that one answer reports.
const MAX_ERRORS: usize = 100;

/// The longest error message, in characters: messages quote the request.
const MAX_MESSAGE: usize = 200;

/// `/graphql`
pub struct GraphqlEndpoint {
    schema: Schema,
    app: Arc<App>,
    cookie: SessionCookie,
    proxies: TrustedProxies,
    origins: AllowedOrigins,
}

impl GraphqlEndpoint {
    /// An endpoint that executes requests against the schema.
    pub fn new(
        schema: Schema,
        app: Arc<App>,
        proxies: TrustedProxies,
        origins: AllowedOrigins,
    ) -> Self {
        let cookie = SessionCookie::new(&app.settings);
        Self {
            schema,
            app,
            cookie,
            proxies,
            origins,
        }
    }
}

impl Endpoint for GraphqlEndpoint {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let media_type = match MediaType::negotiate(request.headers()) {
            Some(media_type) => media_type,
            None if wants_a_page(&request) => return Ok(to_the_playground()),
            None => {
                return Ok(Refusal::new(
                    StatusCode::NOT_ACCEPTABLE,
                    "Accept application/graphql-response+json or application/json.",
                )
                .respond(MediaType::Json));
            }
        };
        let id = request
            .extensions()
            .get::<RequestId>()
            .map_or(String::new(), |id| id.0.clone());
        Ok(match self.answer(&mut request, media_type, &id).await {
            Ok(response) => response,
            Err(refusal) => refusal.respond(media_type),
        })
    }
}

impl GraphqlEndpoint {
    async fn answer(
        &self,
        request: &mut Request,
        media_type: MediaType,
        id: &str,
    ) -> Result<Response, Refusal> {
        let parameters = parameters(request).await?;
        let document = async_graphql::parser::parse_query(&parameters.query)
            .map_err(|error| Refusal::bad_request(error.to_string()))?;
        if request.method() == Method::GET {
            must_be_a_query(&document, parameters.operation_name.as_deref())?;
        }
        let client = self.proxies.client(request);
        let actor = identify(&self.app, &self.cookie, &self.origins, request.headers())
            .await
            .map_err(|error| refusal_of(error, id))?;
        let caller = Arc::new(Caller::new(actor, client));
        let executed = Arc::new(WasExecuted::default());
        let response = self
            .execute(parameters, document, caller.clone(), executed.clone())
            .await;
        let answer = Answer::new(response, executed.get(), id);
        let mut response = answer.respond(media_type);
        if let Some(change) = caller.cookie_change()
            && let Ok(cookie) = self.cookie.write(&change).parse()
        {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn execute(
        &self,
        parameters: Parameters,
        document: ExecutableDocument,
        caller: Arc<Caller>,
        executed: Arc<WasExecuted>,
    ) -> GraphqlResponse {
        let mut request = GraphqlRequest::new(parameters.query)
            .variables(parameters.variables)
            .data(self.app.clone())
            .data(caller)
            .data(executed.clone());
        request.operation_name = parameters.operation_name;
        request.set_parsed_query(document);
        // A resolver that panics is one caller's misfortune, and told as one.
        let execution = std::panic::AssertUnwindSafe(self.schema.execute(request));
        execution.catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!("a resolver panicked");
            let mut error = ServerError::new("Something went wrong on the server.", None);
            set_code(&mut error, Code::Internal);
            GraphqlResponse::from_errors(vec![error])
        })
    }
}

/// The parameters of a request (GraphQL over HTTP, section 5.1). `null` is as good as absent.
#[derive(Deserialize)]
struct Parameters {
    query: String,
    #[serde(default, rename = "operationName")]
    operation_name: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    variables: Variables,
    /// Nobody reads them, but they must be a map.
    #[serde(default, rename = "extensions")]
    _extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Variables, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

async fn parameters(request: &mut Request) -> Result<Parameters, Refusal> {
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
fn must_be_a_query(document: &ExecutableDocument, name: Option<&str>) -> Result<(), Refusal> {
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

fn refusal_of(error: IdentityError, id: &str) -> Refusal {
    match error {
        IdentityError::ForeignOrigin(origin) => {
            let origin = origin.unwrap_or_else(|| "no origin".to_owned());
            Refusal {
                code: Code::Forbidden.as_str(),
                ..Refusal::new(
                    StatusCode::FORBIDDEN,
                    format!(
                        "The session cookie was sent from {origin}, which is not this server and not in server.allowed_origins. Programs use `Authorization: Bearer`."
                    ),
                )
            }
        }
        IdentityError::Failed(error) => {
            let error = async_graphql::Error::from(error);
            Refusal {
                code: Code::Internal.as_str(),
                request_id: Some(id.to_owned()),
                ..Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.message)
            }
        }
    }
}

/// The form of an answer, which decides what its status says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MediaType {
    /// `application/json`: 200 says that the answer is one of GraphQL, whatever it holds.
    Json,
    /// `application/graphql-response+json`: the status tells how the request fared.
    GraphqlResponse,
}

impl MediaType {
    /// The best that the `Accept` header takes; JSON where it takes anything.
    fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let mut best = None;
        let mut is_absent = true;
        for range in headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
        {
            is_absent = false;
            let mut parts = range.split(';').map(str::trim);
            let offered = match parts
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase()
                .as_str()
            {
                "application/graphql-response+json" => Self::GraphqlResponse,
                "application/json" | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            let quality = parts
                .find_map(|parameter| parameter.strip_prefix("q="))
                .map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            if quality > 0.0 && best.is_none_or(|(_, better)| quality > better) {
                best = Some((offered, quality));
            }
        }
        match is_absent {
            true => Some(Self::Json),
            false => best.map(|(offered, _)| offered),
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// Whether a person has opened the endpoint in a browser.
fn wants_a_page(request: &Request) -> bool {
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    request.method() == Method::GET && accept.is_some_and(|accept| accept.contains("text/html"))
}

fn to_the_playground() -> Response {
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(LOCATION, "/playground")
        .finish()
}

/// A request that was not executed.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    request_id: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code: Code::BadRequest.as_str(),
            message: message.into(),
            request_id: None,
        }
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    fn respond(self, media_type: MediaType) -> Response {
        let mut error = ServerError::new(self.message, None);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", self.code);
        if let Some(id) = self.request_id {
            extensions.set("requestId", id);
        }
        cut(&mut error.message);
        let mut response = json(
            self.status,
            media_type,
            &Body {
                data: None,
                errors: &[error],
            },
        );
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response
                .headers_mut()
                .insert(ALLOW, poem::http::HeaderValue::from_static("GET, POST"));
        }
        response
    }
}

/// A request that was executed, or failed validation.
struct Answer {
    response: GraphqlResponse,
    was_executed: bool,
}

impl Answer {
    fn new(mut response: GraphqlResponse, was_executed: bool, id: &str) -> Self {
        response.errors.truncate(MAX_ERRORS);
        // Variables are read while the document is executed; a missing one that leaves nothing to
        // answer with is a mistake in the request all the same (GraphQL specification, section 6.1).
        let complaints = response.errors.iter().any(|error| code_of(error).is_none());
        let was_executed = was_executed && !(complaints && response.data == Value::Null);
        for error in &mut response.errors {
            let code = code_of(error).map(str::to_owned);
            let extensions = error.extensions.get_or_insert_default();
            // What the library itself complains about is the request.
            match code.as_deref() {
                None => extensions.set("code", Code::BadRequest.as_str()),
                Some(code) if code == Code::Internal.as_str() => extensions.set("requestId", id),
                Some(_) => {}
            }
            cut(&mut error.message);
        }
        Self {
            response,
            was_executed,
        }
    }

    /// GraphQL over HTTP, section 6.4: by `application/json` every well-formed answer is a 200; by
    /// the media type of GraphQL's own, only one that was executed.
    fn respond(self, media_type: MediaType) -> Response {
        let status = match media_type {
            MediaType::GraphqlResponse if !self.was_executed => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        json(
            status,
            media_type,
            &Body {
                data: self.was_executed.then_some(&self.response.data),
                errors: &self.response.errors,
            },
        )
    }
}

/// The answer's form (GraphQL specification, section 7.1): a request that was not executed has no
/// `data` at all.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
}

fn json(status: StatusCode, media_type: MediaType, body: &Body<'_>) -> Response {
    // Names, texts and numbers: there is nothing in an answer that JSON could refuse.
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, media_type.content_type())
        .header(CACHE_CONTROL, "no-store")
        .body(bytes)
}

fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

fn set_code(error: &mut ServerError, code: Code) {
    error
        .extensions
        .get_or_insert_default()
        .set("code", code.as_str());
}

fn cut(message: &mut String) {
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
}
