//! The GraphQL endpoint, by the GraphQL-over-HTTP specification
//! (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! async-graphql's ready-made endpoint runs mutations sent by GET, takes form bodies that any web
//! page can send, and knows no limits; this one does not. What a request may do is not decided here.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use futures_util::FutureExt;
use poem::http::header::{ACCEPT, LOCATION, RETRY_AFTER, SET_COOKIE};
use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request, Response, Result};

use super::client::TrustedProxies;
use super::cookie::Cookies;
use super::identity::{IdentityError, identify};
use super::origins::AllowedOrigins;
use super::request_log::RequestId;
use crate::domain::Actor;
use crate::domain::App;
use crate::graphql::context::Caller;
use crate::graphql::error::Code;
use crate::graphql::stages::WasExecuted;

mod accept;
mod event_stream;
mod measure;
mod open_streams;
mod operation;
mod request;
mod response;
mod streams;
mod web_socket;

use accept::Accepted;
use measure::Measure;
use open_streams::OpenStreams;
use operation::Operation;
use request::{Parameters, Requests, requests};
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
        if web_socket::is_wanted(request.headers()) {
            let socket = self.web_socket(&request, &id).await;
            return Ok(socket.unwrap_or_else(|refusal| refusal.respond(MediaType::Json)));
        }
        if self.app.settings.serves_playground() && wants_a_page(&request) {
            return Ok(to_the_playground());
        }
        let accepted = Accepted::of(request.headers());
        let Some(media_type) = accepted.at_once() else {
            let message =
                "Accept application/graphql-response+json, application/json or text/event-stream.";
            return Ok(Refusal::not_acceptable(message).respond(MediaType::Json));
        };
        let timeout = self.app.settings.graphql.timeout;
        let answer = self.answer(&mut request, accepted, media_type, &id);
        Ok(match tokio::time::timeout(timeout, answer).await {
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
        accepted: Accepted,
        media_type: MediaType,
        id: &str,
    ) -> Result<Response, Refusal> {
        let requests = requests(request).await?;
        let actor = self.identify(request, id).await?;
        let caller = Arc::new(Caller::new(actor));
        let response = match requests {
            Requests::One(one) => {
                let measure = Measure::new(self.app.clone());
                let operation = Operation::read(one.into_request()?)?;
                if request.method() != Method::POST {
                    operation.must_only_read()?;
                }
                if operation.kind == OperationType::Subscription && accepted.event_stream {
                    return self.event_stream(operation, caller.actor(), measure, id);
                }
                let answer = self.execute(operation, &caller, measure, id).await?;
                answer.render(media_type).respond(media_type)
            }
            Requests::Batch(_) if accepted.json.is_none() => {
                return Err(Refusal::not_acceptable(
                    "A batch cannot be streamed: accept application/json, or send one request.",
                ));
            }
            Requests::Batch(batch) => {
                let mut answers = Vec::with_capacity(batch.len());
                for one in batch {
                    // Whoever signs in with one request sends the next ones as that user.
                    answers.push(match self.answer_one_of_many(one, &caller, id).await {
                        Ok(answer) => answer.render(media_type),
                        Err(refusal) => refusal.render(),
                    });
                }
                Rendered::respond_all(answers, media_type)
            }
        };
        self.finish(response, &caller, id).await
    }

    /// Writes down what must stand in the event log before the response leaves, and adds what it says
    /// in headers.
    async fn finish(
        &self,
        mut response: Response,
        caller: &Caller,
        id: &str,
    ) -> Result<Response, Refusal> {
        let written = caller.write_notes(&self.app).await;
        written.map_err(|error| Refusal::failed(error, id))?;
        let headers = response.headers_mut();
        if let Some(wait) = caller.retry_after() {
            headers.insert(RETRY_AFTER, wait.as_secs().into());
        }
        let session = caller.cookie_change();
        let device = caller.device_token();
        let cookies = [
            session.map(|change| self.cookies.set_session(&change)),
            device.map(|device| self.cookies.set_device(&device)),
        ];
        for cookie in cookies.iter().flatten().flat_map(|cookie| cookie.parse()) {
            headers.append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn identify(&self, request: &Request, id: &str) -> Result<Actor, Refusal> {
        let client = self.proxies.client(request);
        identify(&self.app, &self.cookies, &self.origins, request, client)
            .await
            .map_err(|error| refusal_of(error, id))
    }

    /// Answers with the events of a subscription, as they happen.
    fn event_stream(
        &self,
        subscription: Operation,
        actor: Actor,
        measure: Measure,
        id: &str,
    ) -> Result<Response, Refusal> {
        let connection = self.open.open(&actor)?;
        let open = self.open.subscribe(&actor)?;
        let events = self.streaming(id).watch(subscription, actor, measure, open);
        let stopping = self.app.stopping.clone();
        Ok(event_stream::respond(events, connection, stopping))
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

    async fn answer_one_of_many(
        &self,
        one: Parameters,
        caller: &Arc<Caller>,
        id: &str,
    ) -> Result<Answer, Refusal> {
        let measure = Measure::new(self.app.clone());
        let operation = Operation::read(one.into_request()?)?;
        self.execute(operation, caller, measure, id).await
    }

    async fn execute(
        &self,
        operation: Operation,
        caller: &Arc<Caller>,
        mut measure: Measure,
        id: &str,
    ) -> Result<Answer, Refusal> {
        operation.must_respond_at_once()?;
        measure.executes(operation.kind);
        let executed = Arc::new(WasExecuted::default());
        let request = operation
            .request
            .data(self.app.clone())
            .data(caller.clone())
            .data(executed.clone());
        let execution = AssertUnwindSafe(self.executor.execute(request)).catch_unwind();
        let response = execution.await.unwrap_or_else(|_| panicked());
        measure.came_to(&response, executed.get());
        Ok(Answer::new(response, executed.get(), id))
    }
}

fn refusal_of(error: IdentityError, id: &str) -> Refusal {
    match error {
        IdentityError::ForeignOrigin(origin) => Refusal {
            code: Code::Forbidden,
            ..Refusal::new(StatusCode::FORBIDDEN, origin.to_string())
        },
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
