//! The GraphQL endpoint, by the GraphQL-over-HTTP specification
//! (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! async-graphql's ready-made endpoint runs mutations sent by GET, takes form bodies that any web
//! page can send, and knows no limits; this one does not. What a request may do is not decided here.

use std::sync::Arc;
use std::time::Instant;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse, ServerError};
use futures_util::FutureExt;
use poem::http::header::{ACCEPT, LOCATION, RETRY_AFTER, SET_COOKIE};
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
use crate::graphql::limits::{self, Limits};

mod event_stream;
mod request;
mod response;
mod streams;
mod web_socket;

use request::{Parameters, Requests, must_be_a_query, requests};
use response::{Answer, MediaType, Refusal, Rendered, set_code};
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
            Err(_) => Refusal::limit_exceeded(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("The request took longer than {timeout:?}, and was given up."),
            )
            .respond(media_type),
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
        let Requests::One(parameters) = requests(request).await? else {
            return Err(Refusal::bad_request(
                "Events are sent for one request at a time.",
            ));
        };
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

    /// Nothing walks the document before it is known to keep within the limits.
    async fn answer_one(
        &self,
        parameters: Parameters,
        may_change: bool,
        caller: &Arc<Caller>,
        id: &str,
    ) -> Result<Answer, Refusal> {
        let begun = Instant::now();
        let answered = |operation, outcome| {
            let metrics = &self.app.metrics;
            metrics.answered(operation, outcome, begun.elapsed());
        };
        let document = parse(&parameters.query).inspect_err(|_| answered("none", "refused"))?;
        let operation = operation_type(&document, parameters.operation_name.as_deref());
        if !may_change {
            must_be_a_query(&document, parameters.operation_name.as_deref())?;
        }
        let executed = Arc::new(WasExecuted::default());
        let response = self
            .execute(parameters, document, caller.clone(), executed.clone())
            .await;
        let outcome = match (executed.get(), response.errors.is_empty()) {
            (true, true) => "succeeded",
            (true, false) => "failed",
            (false, _) => "refused",
        };
        answered(operation, outcome);
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
        without_panic(self.schema.execute(request)).await
    }
}

/// Reads a document that keeps within the limits, whichever way it came.
fn parse(query: &str) -> Result<ExecutableDocument, Refusal> {
    Ok(limits::parse_within(&Limits::default(), query)?)
}

/// For a label: a name would be the client's to choose.
fn operation_type(document: &ExecutableDocument, name: Option<&str>) -> &'static str {
    match request::operation(document, name).map(|operation| operation.node.ty) {
        None => "none",
        Some(OperationType::Query) => "query",
        Some(OperationType::Mutation) => "mutation",
        Some(OperationType::Subscription) => "subscription",
    }
}

/// A resolver that panics is one caller's misfortune, and told as one.
async fn without_panic(execution: impl Future<Output = GraphqlResponse>) -> GraphqlResponse {
    let execution = std::panic::AssertUnwindSafe(execution);
    execution.catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a resolver panicked");
        let mut error = ServerError::new("Something went wrong on the server.", None);
        set_code(&mut error, Code::Internal);
        GraphqlResponse::from_errors(vec![error])
    })
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

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object};

    use super::*;

    struct Query;

    #[Object]
    impl Query {
        async fn panics(&self) -> i32 {
            "".parse().expect("the secret state of the server")
        }
    }

    /// Security rule 20.
    #[tokio::test]
    async fn a_resolver_that_panics_is_an_internal_error_of_one_request() {
        let schema = async_graphql::Schema::new(Query, EmptyMutation, EmptySubscription);
        let response = without_panic(schema.execute("{ panics }")).await;
        let answer = serde_json::to_string(&response).unwrap();
        assert!(answer.contains("\"code\":\"INTERNAL\""), "{answer}");
        assert!(!answer.contains("secret"), "{answer}");
        let response = without_panic(schema.execute("{ __typename }")).await;
        assert!(response.errors.is_empty());
    }
}
