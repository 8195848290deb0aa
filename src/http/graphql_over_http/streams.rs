//! Answers that come in parts: how a subscription is executed, whichever way its events travel.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse, ServerError};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};

use super::response::{Answer, set_code};
use crate::app::App;
use crate::domain::{self, Actor, sessions};
use crate::graphql::Schema;
use crate::graphql::context::Caller;
use crate::graphql::error::{Code, WasExecuted};

/// What an operation is executed with that may answer more than once.
#[derive(Clone)]
pub(super) struct Streaming {
    pub(super) schema: Schema,
    pub(super) app: Arc<App>,
    /// The request's identifier, for the errors of its answers.
    pub(super) id: String,
}

impl Streaming {
    /// Executes the operation: a subscription answers with each event, all others once.
    pub(super) fn execute(
        self,
        request: GraphqlRequest,
        actor: Actor,
    ) -> BoxStream<'static, GraphqlResponse> {
        let caller = Arc::new(Caller::new(actor));
        let request = request
            .data(self.app.clone())
            .data(caller.clone())
            .data(Arc::new(WasExecuted::default()));
        AssertUnwindSafe(self.schema.execute_stream(request).boxed())
            .catch_unwind()
            .then(move |answer| {
                let (streaming, caller) = (self.clone(), caller.clone());
                async move { streaming.finish(answer.ok(), &caller).await }
            })
            .boxed()
    }

    /// The same for somebody who was identified a while ago: their session may have ended since.
    pub(super) fn execute_later(
        self,
        request: GraphqlRequest,
        actor: Actor,
    ) -> BoxStream<'static, GraphqlResponse> {
        let begin = async move {
            match sessions::refresh(&self.app, &actor).await {
                Ok(actor) => self.execute(request, actor),
                Err(error) => stream::iter([self.failed(error)]).boxed(),
            }
        };
        begin.into_stream().flatten().boxed()
    }

    /// Writes down what must stand in the event log before the answer leaves.
    async fn finish(&self, answer: Option<GraphqlResponse>, caller: &Caller) -> GraphqlResponse {
        if let Err(error) = caller.write_notes(&self.app).await {
            return self.failed(error);
        }
        match answer {
            Some(answer) => Answer::new(answer, true, &self.id).into_response(),
            None => {
                tracing::error!("a resolver panicked");
                self.wrong()
            }
        }
    }

    fn failed(&self, error: domain::Error) -> GraphqlResponse {
        // Writes the cause into the server's log.
        let _ = async_graphql::Error::from(error);
        self.wrong()
    }

    fn wrong(&self) -> GraphqlResponse {
        let mut error = ServerError::new("Something went wrong on the server.", None);
        set_code(&mut error, Code::Internal);
        let answer = GraphqlResponse::from_errors(vec![error]);
        Answer::new(answer, true, &self.id).into_response()
    }
}
