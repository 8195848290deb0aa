//! The GraphQL endpoint, by the GraphQL-over-HTTP specification
//! (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! async-graphql's ready-made endpoint runs mutations sent by GET, takes form bodies that any web
//! page can send, and knows no limits; this one does not. What a request may do is not decided here.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Executor, Request as GraphqlRequest, Response as GraphqlResponse};
use futures_util::FutureExt;
use poem::http::header::{ACCEPT, LOCATION, RETRY_AFTER, SET_COOKIE};
use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request, Response, Result};

use super::client::TrustedProxies;
use super::cookie::Cookies;
use super::identity::{AllowedOrigins, IdentityError, identify};
use super::request_log::RequestId;
use crate::app::App;
use crate::domain::Actor;
use crate::graphql::context::Caller;
use crate::graphql::error::Code;
use crate::graphql::limits::{self, Limits};
use crate::graphql::stages::WasExecuted;

mod event_stream;
mod measure;
mod open_streams;
mod request;
mod response;
mod streams;
mod web_socket;

use measure::Measure;
use open_streams::OpenStreams;
use request::{Parameters, Requests, must_be_a_query, requests};
use response::{Answer, MediaType, Refusal, Rendered, panicked};
use streams::Streaming;

/// `/graphql`
pub struct GraphqlEndpoint<E> {
    executor: E,
    app: Arc<App>,
    cookies: Cookies,
    proxies: TrustedProxies,
    origins: AllowedOrigins,
    open: OpenStreams,
}

impl<E: Executor> GraphqlEndpoint<E> {
    /// An endpoint whose requests are executed by the schema.
    pub fn new(
        executor: E,
        app: Arc<App>,
        proxies: TrustedProxies,
        origins: AllowedOrigins,
    ) -> Self {
        let cookies = Cookies::new(&app.settings);
        let per_client = app.settings.server.max_connections_per_client;
        Self {
            executor,
            app,
            cookies,
            proxies,
            origins,
            open: OpenStreams::new(per_client),
        }
    }
}

impl<E: Executor> Endpoint for GraphqlEndpoint<E> {
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
        if self.app.settings.serves_playground() && wants_a_page(&request) {
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
        let timeout = self.app.settings.graphql.timeout;
        let answer = tokio::time::timeout(timeout, self.answer(&mut request, media_type, &id));
        Ok(match answer.await {
            Ok(Ok(response)) => response,
            Ok(Err(refusal)) => refusal.respond(media_type),
            Err(_) => Refusal::timed_out(timeout).respond(media_type),
        })
    }
}

impl<E: Executor> GraphqlEndpoint<E> {
    async fn answer(
        &self,
        request: &mut Request,
        media_type: MediaType,
        id: &str,
    ) -> Result<Response, Refusal> {
        let requests = requests(request).await?;
        let actor = self.identify(request, id).await?;
        let caller = Arc::new(Caller::new(actor));
        let may_change = request.method() != Method::GET;
        let mut response = match requests {
            Requests::One(one) => self
                .answer_one(one, may_change, &caller, id)
                .await?
                .render(media_type)
                .respond(media_type),
            Requests::Batch(batch) => {
                let mut answers = Vec::with_capacity(batch.len());
                for one in batch {
                    // Whoever signs in with one request sends the next ones as that user.
                    let answer = self.answer_one(one, may_change, &caller, id).await;
                    answers.push(match answer {
                        Ok(answer) => answer.render(media_type),
                        Err(refusal) => refusal.render(),
                    });
                }
                Rendered::respond_all(answers, media_type)
            }
        };
        caller
            .write_notes(&self.app)
            .await
            .map_err(|error| refusal_of(IdentityError::Failed(error), id))?;
        if let Some(wait) = caller.retry_after() {
            response
                .headers_mut()
                .insert(RETRY_AFTER, wait.as_secs().into());
        }
        let session = caller.cookie_change();
        let device = caller.device_token();
        let cookies = [
            session.map(|change| self.cookies.set_session(&change)),
            device.map(|device| self.cookies.set_device(&device)),
        ];
        for cookie in cookies.iter().flatten().flat_map(|cookie| cookie.parse()) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn identify(&self, request: &Request, id: &str) -> Result<Actor, Refusal> {
        let client = self.proxies.client(request);
        let headers = request.headers();
        identify(&self.app, &self.cookies, &self.origins, headers, client)
            .await
            .map_err(|error| refusal_of(error, id))
    }

    /// Answers with events, as they happen.
    async fn event_stream(&self, request: &mut Request, id: &str) -> Result<Response, Refusal> {
        let Requests::One(parameters) = requests(request).await? else {
            return Err(Refusal::bad_request(
                "A batch cannot be streamed; send one request.",
            ));
        };
        let actor = self.identify(request, id).await?;
        let mut operation = GraphqlRequest::new(parameters.query).variables(parameters.variables);
        operation.operation_name = parameters.operation_name;
        let open = self.open.open(&actor)?;
        let responses = self.streaming(id).execute(operation, actor)?;
        let stopping = self.app.stopping.clone();
        Ok(event_stream::respond(responses, open, stopping))
    }

    /// Goes on as a WebSocket.
    async fn web_socket(&self, request: &Request, id: &str) -> Result<Response, Refusal> {
        let actor = self.identify(request, id).await?;
        web_socket::upgrade(request, self.streaming(id), actor).await
    }

    fn streaming(&self, id: &str) -> Streaming<E> {
        Streaming {
            executor: self.executor.clone(),
            app: self.app.clone(),
            open: self.open.clone(),
            id: id.to_owned(),
        }
    }

    /// Nothing walks the document before it is known to keep within the limits.
    async fn answer_one(
        &self,
        parameters: Parameters,
        may_change: bool,
        caller: &Arc<Caller>,
        id: &str,
    ) -> Result<Answer, Refusal> {
        let mut measure = Measure::new(self.app.clone());
        let document = parse(&parameters.query)?;
        let name = parameters.operation_name.as_deref();
        if !may_change {
            must_be_a_query(&document, name)?;
        }
        let operation = request::operation(&document, name);
        measure.executes(operation.map(|operation| operation.node.ty));
        let executed = Arc::new(WasExecuted::default());
        let response = self
            .execute(parameters, document, caller.clone(), executed.clone())
            .await;
        measure.came_to(&response, executed.get());
        Ok(Answer::new(response, executed.get(), id))
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
        let execution = AssertUnwindSafe(self.executor.execute(request)).catch_unwind();
        execution.await.unwrap_or_else(|_| panicked())
    }
}

/// Reads a document that keeps within the limits, whichever way it came.
fn parse(query: &str) -> Result<ExecutableDocument, Refusal> {
    Ok(limits::parse_within(&Limits::default(), query)?)
}

fn refusal_of(error: IdentityError, id: &str) -> Refusal {
    match error {
        IdentityError::ForeignOrigin(origin) => {
            let origin = origin.unwrap_or_else(|| "no origin".to_owned());
            Refusal {
                code: Code::Forbidden,
                ..Refusal::new(
                    StatusCode::FORBIDDEN,
                    format!(
                        "The session cookie was sent from {origin}, which is not this server and not in server.allowed_origins. Programs use `Authorization: Bearer`."
                    ),
                )
            }
        }
        IdentityError::Failed(error) => Refusal::failed(error, id),
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
