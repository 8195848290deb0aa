//! The GraphQL endpoint, by the GraphQL-over-HTTP specification
//! (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! async-graphql's ready-made endpoint runs mutations sent by GET, takes form bodies that any web
//! page can send, and knows no limits; this one does not. What a request may do is not decided here.

use std::sync::Arc;

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use futures_util::StreamExt;
use poem::http::header::{ACCEPT, LOCATION, SET_COOKIE};
use poem::http::{Method, StatusCode};
use poem::{Endpoint, Request, Response, Result};
use tokio::time::Instant;

use super::cookie::Cookies;
use super::identity::{Identification, IdentityError};
use super::progress::Progress;
use crate::domain::Actor;
use crate::domain::App;
use crate::graphql::context::Caller;
use crate::graphql::error::Code;
use crate::metrics::{Stage, Stream};

mod accept;
mod event_stream;
mod execution;
mod open_streams;
mod operation;
mod operation_metrics;
mod request;
mod response;
mod web_socket;

use accept::Accepted;
use execution::Execution;
pub use open_streams::MAX_PER_USER;
use open_streams::OpenStreams;
use operation::Operation;
use request::{Requests, requests};
use response::{MediaType, Refusal, Rendered, to_json};

/// Serves the API, at `/graphql`.
pub struct GraphqlEndpoint<E> {
    executor: E,
    app: Arc<App>,
    identification: Identification,
    cookies: Cookies,
    open: OpenStreams,
}

impl<E: Executor> GraphqlEndpoint<E> {
    /// An endpoint whose requests are executed by the schema.
    pub fn new(executor: E, app: Arc<App>, identification: Identification) -> Self {
        let per_client = app.settings.server.max_connections_per_client;
        Self {
            executor,
            identification,
            cookies: Cookies::new(&app.settings),
            open: OpenStreams::new(per_client),
            app,
        }
    }
}

impl<E: Executor> Endpoint for GraphqlEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let progress = request.extensions().get::<Arc<Progress>>().cloned();
        let progress = progress.unwrap_or_else(|| Arc::new(Progress::new(String::new(), None)));
        if web_socket::is_wanted(request.headers()) {
            let socket = self.web_socket(&request, progress.clone()).await;
            return Ok(socket.unwrap_or_else(|refusal| {
                progress.has_code(refusal.code.as_str());
                refusal.respond(MediaType::Json)
            }));
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
        let execution = self.execution(progress.clone());
        let response = self.respond(&mut request, accepted, media_type, &execution);
        let response = execution.in_time(response).await;
        Ok(response.unwrap_or_else(|refusal| {
            progress.has_code(refusal.code.as_str());
            refusal.respond(media_type)
        }))
    }
}

impl<E: Executor> GraphqlEndpoint<E> {
    async fn respond(
        &self,
        request: &mut Request,
        accepted: Accepted,
        media_type: MediaType,
        execution: &Execution<E>,
    ) -> Result<Response, Refusal> {
        let progress = &execution.progress;
        progress.comes_to(Stage::Body);
        let requests = requests(request).await?;
        progress.comes_to(Stage::Session);
        let actor = self.identify(request, &progress.id).await?;
        progress.comes_to(Stage::Execution);
        let mut begun = progress.begun;
        let caller = Arc::new(Caller::new(actor));
        let answer = match requests {
            Requests::One(one) => {
                let operation = execution.prepare(one.into_request(), begun)?;
                if request.method() != Method::POST {
                    operation.must_only_read()?;
                }
                if operation.kind == OperationType::Subscription && accepted.event_stream {
                    return self.event_stream(execution.clone(), operation, caller.actor());
                }
                let answer = execution.run(operation, &caller).await?;
                answer.render(media_type)
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
                    let answer = match execution.prepare(one.into_request(), begun) {
                        Ok(operation) => execution.run(operation, &caller).await,
                        Err(refusal) => Err(refusal),
                    };
                    answers.push(match answer {
                        Ok(answer) => answer.render(media_type),
                        Err(refusal) => {
                            progress.has_code(refusal.code.as_str());
                            refusal.render()
                        }
                    });
                    begun = Instant::now();
                }
                Rendered::all(answers)
            }
        };
        self.finish(answer, media_type, &progress.id).await
    }

    /// Writes down what must stand in the event log before the response leaves, and sets cookies.
    async fn finish(
        &self,
        mut answer: Rendered,
        media_type: MediaType,
        id: &str,
    ) -> Result<Response, Refusal> {
        let written = answer.outcome.write_notes(&self.app).await;
        written.map_err(|error| Refusal::failed(error, id))?;
        let cookies = self.cookies.set(&answer.outcome);
        let mut response = answer.respond(media_type);
        for cookie in cookies.flat_map(|cookie| cookie.parse()) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn identify(&self, request: &Request, id: &str) -> Result<Actor, Refusal> {
        let identified = self.identification.identify(request).await;
        identified.map_err(|error| refusal_of(error, id))
    }

    /// Answers with the events of a subscription, as they happen.
    fn event_stream(
        &self,
        execution: Execution<E>,
        subscription: Operation,
        actor: Actor,
    ) -> Result<Response, Refusal> {
        let connection = self.open.open(&actor)?;
        let counted = self.app.metrics.stream(Stream::EventStream);
        let events = execution.watch(subscription, actor)?;
        let answers = events.map(move |event| {
            let _held_until_the_end = (&connection, &counted);
            to_json(&event)
        });
        let stopping = self.app.stopping.clone();
        Ok(event_stream::respond(answers.boxed(), stopping))
    }

    /// Goes on as a WebSocket.
    async fn web_socket(
        &self,
        request: &Request,
        progress: Arc<Progress>,
    ) -> Result<Response, Refusal> {
        let actor = self.identify(request, &progress.id).await?;
        web_socket::upgrade(request, self.execution(progress), actor).await
    }

    fn execution(&self, progress: Arc<Progress>) -> Execution<E> {
        Execution {
            executor: self.executor.clone(),
            app: self.app.clone(),
            open: self.open.clone(),
            progress,
        }
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
