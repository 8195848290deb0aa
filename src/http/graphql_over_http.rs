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

use super::cookie::Cookies;
use super::identity::{Identification, IdentityError};
use super::request_log::RequestId;
use crate::domain::Actor;
use crate::domain::App;
use crate::graphql::context::Caller;
use crate::graphql::error::Code;

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
        let id = request
            .extensions()
            .get::<RequestId>()
            .map_or(String::new(), |id| id.0.clone());
        if web_socket::is_wanted(request.headers()) {
            let socket = self.web_socket(&request, id).await;
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
        let execution = self.execution(id);
        let response = self.respond(&mut request, accepted, media_type, &execution);
        let response = execution.in_time(response).await;
        Ok(response.unwrap_or_else(|refusal| refusal.respond(media_type)))
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
        let requests = requests(request).await?;
        let actor = self.identify(request, &execution.id).await?;
        let caller = Arc::new(Caller::new(actor));
        let answer = match requests {
            Requests::One(one) => {
                let operation = execution.prepare(one.into_request())?;
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
                    let answer = match execution.prepare(one.into_request()) {
                        Ok(operation) => execution.run(operation, &caller).await,
                        Err(refusal) => Err(refusal),
                    };
                    answers.push(match answer {
                        Ok(answer) => answer.render(media_type),
                        Err(refusal) => refusal.render(),
                    });
                }
                Rendered::all(answers)
            }
        };
        self.finish(answer, media_type, &execution.id).await
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
        let events = execution.watch(subscription, actor)?;
        let answers = events.map(move |event| {
            let _held_until_the_end = &connection;
            to_json(&event)
        });
        let stopping = self.app.stopping.clone();
        Ok(event_stream::respond(answers.boxed(), stopping))
    }

    /// Goes on as a WebSocket.
    async fn web_socket(&self, request: &Request, id: String) -> Result<Response, Refusal> {
        let actor = self.identify(request, &id).await?;
        web_socket::upgrade(request, self.execution(id), actor).await
    }

    fn execution(&self, id: String) -> Execution<E> {
        Execution {
            executor: self.executor.clone(),
            app: self.app.clone(),
            open: self.open.clone(),
            id,
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
