//! The GraphQL endpoint, by the GraphQL-over-HTTP specification
//! (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! async-graphql's ready-made endpoint runs mutations sent by GET, takes form bodies that any web
//! page can send, and knows no limits; this one does not. What a request may do is not decided here.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse, ServerError};
use futures_util::FutureExt;
use poem::http::header::{ACCEPT, LOCATION, SET_COOKIE};
use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request, Response, Result};

use super::client::TrustedProxies;
use super::cookie::SessionCookie;
use super::identity::{AllowedOrigins, IdentityError, identify};
use super::request_log::RequestId;
use crate::app::App;
use crate::domain::Actor;
use crate::graphql::Schema;
use crate::graphql::context::Caller;
use crate::graphql::error::{Code, WasExecuted};

mod event_stream;
mod request;
mod response;
mod streams;
mod web_socket;

use request::{Parameters, must_be_a_query, parameters};
use response::{Answer, MediaType, Refusal, set_code};
use streams::Streaming;

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
        let id = request
            .extensions()
            .get::<RequestId>()
            .map_or(String::new(), |id| id.0.clone());
        let streamed = if web_socket::is_wanted(request.headers()) {
            Some(self.web_socket(&request, &id).await)
        } else if event_stream::is_wanted(&request) {
            Some(self.event_stream(&mut request, &id).await)
        } else {
            None
        };
        if let Some(answer) = streamed {
            return Ok(answer.unwrap_or_else(|refusal| refusal.respond(MediaType::Json)));
        }
        if self.app.settings.playground.enabled && wants_a_page(&request) {
            return Ok(to_the_playground());
        }
        let media_type = match MediaType::negotiate(request.headers()) {
            Some(media_type) => media_type,
            None => {
                return Ok(Refusal::new(
                    StatusCode::NOT_ACCEPTABLE,
                    "Accept application/graphql-response+json or application/json.",
                )
                .respond(MediaType::Json));
            }
        };
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
        let document = parse(&parameters.query)?;
        if request.method() == Method::GET {
            must_be_a_query(&document, parameters.operation_name.as_deref())?;
        }
        let actor = self.identify(request, id).await?;
        let caller = Arc::new(Caller::new(actor));
        let executed = Arc::new(WasExecuted::default());
        let response = self
            .execute(parameters, document, caller.clone(), executed.clone())
            .await;
        caller
            .write_notes(&self.app)
            .await
            .map_err(|error| refusal_of(IdentityError::Failed(error), id))?;
        let answer = Answer::new(response, executed.get(), id);
        let mut response = answer.respond(media_type);
        if let Some(change) = caller.cookie_change()
            && let Ok(cookie) = self.cookie.write(&change).parse()
        {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn identify(&self, request: &Request, id: &str) -> Result<Actor, Refusal> {
        let client = self.proxies.client(request);
        let headers = request.headers();
        identify(&self.app, &self.cookie, &self.origins, headers, client)
            .await
            .map_err(|error| refusal_of(error, id))
    }

    /// Answers with events, as they happen.
    async fn event_stream(&self, request: &mut Request, id: &str) -> Result<Response, Refusal> {
        let parameters = parameters(request).await?;
        let document = parse(&parameters.query)?;
        let actor = self.identify(request, id).await?;
        let mut operation = GraphqlRequest::new(parameters.query).variables(parameters.variables);
        operation.operation_name = parameters.operation_name;
        operation.set_parsed_query(document);
        let answers = self.streaming(id).execute(operation, actor);
        Ok(event_stream::respond(answers))
    }

    /// Goes on as a WebSocket.
    async fn web_socket(&self, request: &Request, id: &str) -> Result<Response, Refusal> {
        let actor = self.identify(request, id).await?;
        web_socket::upgrade(request, self.streaming(id), actor).await
    }

    fn streaming(&self, id: &str) -> Streaming {
        Streaming {
            schema: self.schema.clone(),
            app: self.app.clone(),
            id: id.to_owned(),
        }
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

/// Reads a document, whichever way it came.
fn parse(query: &str) -> Result<ExecutableDocument, Refusal> {
    async_graphql::parser::parse_query(query)
        .map_err(|error| Refusal::bad_request(error.to_string()))
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

/// Whether a person has opened the endpoint in a browser.
fn wants_a_page(request: &Request) -> bool {
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok());
    request.method() == Method::GET
        && request.uri().query().is_none()
        && accept.is_some_and(|accept| accept.contains("text/html"))
}

fn to_the_playground() -> Response {
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(LOCATION, "/playground")
        .finish()
}
