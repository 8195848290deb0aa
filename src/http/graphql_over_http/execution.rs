//! How an operation is executed, whichever way it came: prepared, run once or as a stream, and
//! finished.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use async_graphql::{Executor, Request as GraphqlRequest, Response as GraphqlResponse};
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;
use tracing::Instrument;

use super::open_streams::OpenStreams;
use super::operation::Operation;
use super::operation_metrics::OperationMetrics;
use super::response::{Answer, Refusal, panicked};
use crate::domain::Actor;
use crate::domain::App;
use crate::graphql::context::Caller;
use crate::graphql::nulls::Requested;
use crate::graphql::outcome::Outcome;
use crate::http::progress::Progress;
use crate::telemetry;

/// What the operations of one request, or of one WebSocket, are executed with.
#[derive(Clone)]
pub(super) struct Execution<E> {
    pub(super) executor: E,
    pub(super) app: Arc<App>,
    pub(super) open: OpenStreams,
    /// Of the request, whose ID stands in the errors of its responses.
    pub(super) progress: Arc<Progress>,
}

impl<E: Executor> Execution<E> {
    /// Prepares the operation of a request that could be read, and began then. One that is refused is counted
    /// as well.
    ///
    /// # Errors
    ///
    /// Those of the request, and of [`Operation::read`].
    pub(super) fn prepare(
        &self,
        request: Result<GraphqlRequest, Refusal>,
        begun: Instant,
    ) -> Result<Operation, Refusal> {
        let metrics = OperationMetrics::new(self.app.clone(), self.progress.clone(), begun);
        Operation::read(request?, metrics)
    }

    /// Runs a query or a mutation, which responds once.
    ///
    /// # Errors
    ///
    /// If it is a subscription.
    pub(super) async fn run(
        &self,
        operation: Operation,
        caller: &Arc<Caller>,
    ) -> Result<Answer, Refusal> {
        operation.must_respond_once()?;
        let span = tracing::info_span!(
            target: telemetry::TARGET,
            "graphql",
            graphql.operation.type = %operation.kind
        );
        let requested = Requested::by(&operation.request);
        let (request, mut metrics) = self.begin(operation, caller);
        let response = self.executor.execute(request).instrument(span);
        let response = AssertUnwindSafe(response).catch_unwind();
        let response = response.await.unwrap_or_else(|_| panicked());
        let outcome = caller.take_outcome();
        Ok(self.answer(&requested, response, outcome, &mut metrics))
    }

    /// Runs a subscription, which responds to each event.
    ///
    /// # Errors
    ///
    /// If the actor has as many subscriptions as they may.
    pub(super) fn watch(
        self,
        operation: Operation,
        actor: Actor,
    ) -> Result<BoxStream<'static, GraphqlResponse>, Refusal> {
        let open = self.open.subscribe(&actor)?;
        let counted = self.app.metrics.subscription();
        let caller = Arc::new(Caller::new(actor));
        let requested = Requested::by(&operation.request);
        let (request, mut metrics) = self.begin(operation, &caller);
        let responses = self.executor.execute_stream(request, None).boxed();
        let responses = AssertUnwindSafe(responses).catch_unwind();
        let answers = responses.then(move |response| {
            let _held_until_the_end = (&open, &counted);
            let outcome = caller.take_outcome();
            let response = response.unwrap_or_else(|_| panicked());
            let answer = self.answer(&requested, response, outcome, &mut metrics);
            let execution = self.clone();
            async move { execution.finish(answer).await }
        });
        Ok(answers.boxed())
    }

    /// Finishes an answer that carries no headers: what must stand in the event log is written before
    /// it leaves.
    pub(super) async fn finish(&self, mut answer: Answer) -> GraphqlResponse {
        match answer.outcome.write_notes(&self.app).await {
            Ok(()) => answer.into_response(),
            Err(error) => Refusal::failed(error, &self.progress.id).into_response(),
        }
    }

    /// Does the work in the time that there is for a whole request.
    ///
    /// # Errors
    ///
    /// Those of the work; status 503 if it takes longer than `graphql.timeout`.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let timeout = self.app.settings.graphql.timeout;
        // Those who count what is given up here are told why before that.
        let mut work = pin!(work);
        let done = tokio::time::timeout(timeout, &mut work).await;
        done.unwrap_or_else(|_| {
            self.progress.is_late();
            Err(Refusal::timed_out(timeout))
        })
    }

    fn begin(
        &self,
        operation: Operation,
        caller: &Arc<Caller>,
    ) -> (GraphqlRequest, OperationMetrics) {
        let mut metrics = operation.metrics;
        metrics.executes(operation.kind);
        let request = operation.request.data(self.app.clone());
        (request.data(caller.clone()), metrics)
    }

    fn answer(
        &self,
        requested: &Requested,
        response: GraphqlResponse,
        outcome: Outcome,
        metrics: &mut OperationMetrics,
    ) -> Answer {
        let answer = Answer::new(requested, response, outcome, &self.progress.id);
        answer.codes().for_each(|code| self.progress.has_code(code));
        metrics.came_to(answer.was_executed(), answer.succeeded());
        answer
    }
}
