//! Responses that come in parts: how a subscription, or a query, is executed for a WebSocket or an
//! event stream.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request as GraphqlRequest, Response as GraphqlResponse};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};

use super::measure::Measure;
use super::open_streams::{OpenStream, OpenStreams};
use super::operation::Operation;
use super::response::{Answer, Refusal, panicked};
use crate::domain::App;
use crate::domain::{self, Actor, sessions};
use crate::graphql::context::Caller;
use crate::graphql::stages::WasExecuted;

/// What an operation is executed with that may answer more than once.
#[derive(Clone)]
pub(super) struct Streaming<E> {
    pub(super) executor: E,
    pub(super) app: Arc<App>,
    pub(super) open: OpenStreams,
    /// The request's ID, for the errors of its responses.
    pub(super) id: String,
}

impl<E: Executor> Streaming<E> {
    /// Executes an operation on a WebSocket: a subscription responds to each event, a query once.
    ///
    /// # Errors
    ///
    /// What exceeds a limit, and mutations: when to try again, and the session cookie, travel in the
    /// headers of a response of its own.
    fn execute(
        self,
        request: GraphqlRequest,
        actor: Actor,
    ) -> Result<BoxStream<'static, GraphqlResponse>, Refusal> {
        let measure = Measure::new(self.app.clone());
        let operation = Operation::read(request)?;
        match operation.kind {
            OperationType::Subscription => {
                let open = self.open.subscribe(&actor)?;
                Ok(self.watch(operation, actor, measure, open))
            }
            OperationType::Query => Ok(self.answer(operation, actor, measure)),
            OperationType::Mutation => Err(Refusal::bad_request(
                "Mutations are not executed on a WebSocket, which could not set the session cookie; send them by POST.",
            )),
        }
    }

    /// Executes an operation of somebody who was identified a while ago: their session may have ended
    /// since.
    pub(super) fn execute_later(
        self,
        request: GraphqlRequest,
        actor: Actor,
    ) -> BoxStream<'static, GraphqlResponse> {
        let begin = async move {
            match sessions::refresh(&self.app, &actor).await {
                Ok(actor) => self
                    .execute(request, actor)
                    .unwrap_or_else(|refusal| once(refusal.into_response())),
                Err(error) => once(self.failed(error)),
            }
        };
        begin.into_stream().flatten().boxed()
    }

    /// Executes a subscription.
    pub(super) fn watch(
        self,
        operation: Operation,
        actor: Actor,
        mut measure: Measure,
        open: OpenStream,
    ) -> BoxStream<'static, GraphqlResponse> {
        measure.executes(operation.kind);
        let caller = Arc::new(Caller::new(actor));
        let request = self.equip(operation.request, &caller, &Arc::default());
        AssertUnwindSafe(self.executor.execute_stream(request, None).boxed())
            .catch_unwind()
            .then(move |response| {
                let _held_until_the_end = &open;
                let response = response.unwrap_or_else(|_| panicked());
                measure.came_to(&response, true);
                let (streaming, caller) = (self.clone(), caller.clone());
                async move { streaming.finish(response, &caller).await }
            })
            .boxed()
    }

    fn answer(
        self,
        operation: Operation,
        actor: Actor,
        mut measure: Measure,
    ) -> BoxStream<'static, GraphqlResponse> {
        measure.executes(operation.kind);
        let answer = async move {
            let caller = Arc::new(Caller::new(actor));
            let executed = Arc::new(WasExecuted::default());
            let request = self.equip(operation.request, &caller, &executed);
            let timeout = self.app.settings.graphql.timeout;
            let execution = AssertUnwindSafe(self.executor.execute(request)).catch_unwind();
            let Ok(response) = tokio::time::timeout(timeout, execution).await else {
                return Refusal::timed_out(timeout).into_response();
            };
            let response = response.unwrap_or_else(|_| panicked());
            measure.came_to(&response, executed.get());
            self.finish(response, &caller).await
        };
        answer.into_stream().boxed()
    }

    fn equip(
        &self,
        request: GraphqlRequest,
        caller: &Arc<Caller>,
        executed: &Arc<WasExecuted>,
    ) -> GraphqlRequest {
        request
            .data(self.app.clone())
            .data(caller.clone())
            .data(executed.clone())
    }

    /// Writes down what must stand in the event log before the response leaves.
    async fn finish(&self, response: GraphqlResponse, caller: &Caller) -> GraphqlResponse {
        match caller.write_notes(&self.app).await {
            Ok(()) => Answer::new(response, true, &self.id).into_response(),
            Err(error) => self.failed(error),
        }
    }

    fn failed(&self, error: domain::Error) -> GraphqlResponse {
        Refusal::failed(error, &self.id).into_response()
    }
}

fn once(response: GraphqlResponse) -> BoxStream<'static, GraphqlResponse> {
    stream::iter([response]).boxed()
}
