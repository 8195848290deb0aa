//! What the metrics are told of an operation.

use std::sync::Arc;
use std::time::Instant;

use async_graphql::parser::types::OperationType;

use crate::domain::App;

/// Counts an operation when this is dropped, so that one that is aborted counts as well. Until it is
/// executed, it counts as refused.
pub(super) struct OperationMetrics {
    app: Arc<App>,
    /// The type of the operation; its name would be the client's to choose.
    operation: &'static str,
    outcome: &'static str,
    /// Nothing where a time would mean nothing: a subscription lasts for as long as it is watched.
    begun: Option<Instant>,
}

impl OperationMetrics {
    /// Measures from now on.
    pub(super) fn new(app: Arc<App>) -> Self {
        Self {
            app,
            operation: "none",
            outcome: "refused",
            begun: Some(Instant::now()),
        }
    }

    /// It is executed now.
    pub(super) fn executes(&mut self, operation: OperationType) {
        (self.operation, self.outcome) = match operation {
            OperationType::Query => ("query", "aborted"),
            OperationType::Mutation => ("mutation", "aborted"),
            OperationType::Subscription => {
                self.begun = None;
                // That nobody watches any more is how it usually ends.
                ("subscription", "succeeded")
            }
        };
    }

    /// How it came out. What fails validation is not executed.
    pub(super) fn came_to(&mut self, was_executed: bool, succeeded: bool) {
        self.outcome = match (was_executed, succeeded) {
            (true, true) => "succeeded",
            (true, false) => "failed",
            (false, _) => "refused",
        };
    }
}

impl Drop for OperationMetrics {
    fn drop(&mut self) {
        let took = self.begun.map(|begun| begun.elapsed());
        let metrics = &self.app.metrics;
        metrics.answered(self.operation, self.outcome, took);
    }
}
