//! How an operation that comes on a WebSocket is executed.

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Request as GraphqlRequest, Response as GraphqlResponse};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};

use super::super::execution::Execution;
use super::super::response::Refusal;
use crate::domain::{Actor, sessions};
use crate::graphql::context::Caller;
use crate::http::progress::Progress;

/// Executes an operation of somebody who was identified a while ago: their session may have ended
/// since.
pub(super) fn execute<E: Executor>(
    mut execution: Execution<E>,
    request: GraphqlRequest,
    actor: Actor,
) -> BoxStream<'static, GraphqlResponse> {
    // One operation may be late, and the others not.
    execution.progress = Arc::new(Progress::new(execution.progress.id.clone(), None));
    let responses = async move {
        let begun = match sessions::refresh(&execution.app, &actor).await {
            Ok(actor) => begin(execution, request, actor).await,
            Err(error) => Err(Refusal::failed(error, &execution.progress.id)),
        };
        begun.unwrap_or_else(|refusal| once(refusal.into_response()))
    };
    responses.into_stream().flatten().boxed()
}

/// A subscription responds to each event, a query once.
///
/// # Errors
///
/// What exceeds a limit, and mutations: when to try again, and the session cookie, travel in the
/// headers of a response of its own.
async fn begin<E: Executor>(
    execution: Execution<E>,
    request: GraphqlRequest,
    actor: Actor,
) -> Result<BoxStream<'static, GraphqlResponse>, Refusal> {
    let operation = execution.prepare(Ok(request), execution.progress.begun)?;
    match operation.kind {
        OperationType::Subscription => execution.watch(operation, actor),
        OperationType::Query => {
            let caller = Arc::new(Caller::new(actor));
            let answer = execution.in_time(execution.run(operation, &caller)).await?;
            Ok(once(execution.finish(answer).await))
        }
        OperationType::Mutation => Err(Refusal::bad_request(
            "Mutations are not executed on a WebSocket, which could not set the session cookie; send them by POST.",
        )),
    }
}

fn once(response: GraphqlResponse) -> BoxStream<'static, GraphqlResponse> {
    stream::iter([response]).boxed()
}
