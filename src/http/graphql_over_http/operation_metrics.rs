//! What the metrics, and the line that its request leaves in the log, are told of an operation.

use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use tokio::time::Instant;

use crate::domain::App;
use crate::http::progress::Progress;
use crate::metrics::{Operation, Outcome};

/// Counts an operation when this is dropped, so that one that is aborted counts as well. Until it is
/// executed, it counts as refused.
pub(super) struct OperationMetrics {
    app: Arc<App>,
    progress: Arc<Progress>,
    /// Its type; its name would be the client's to choose.
    operation: Operation,
    /// What has become of it, once that is known.
    outcome: Option<Outcome>,
    begun: Instant,
}

impl OperationMetrics {
    /// Of an operation whose first byte came then, with that request.
    pub(super) fn new(app: Arc<App>, progress: Arc<Progress>, begun: Instant) -> Self {
        Self {
            app,
            progress,
            operation: Operation::None,
            outcome: Some(Outcome::Refused),
            begun,
        }
    }

    /// It is executed now.
    pub(super) fn executes(&mut self, operation: OperationType) {
        (self.operation, self.outcome) = match operation {
            OperationType::Query => (Operation::Query, None),
            OperationType::Mutation => (Operation::Mutation, None),
            OperationType::Subscription => {
                // It lasts for as long as it is watched, which says nothing.
                let took = self.begun.elapsed();
                let metrics = &self.app.metrics;
                metrics.operation_took(Operation::Subscription, took);
                // That nobody watches any more is how it usually ends.
                (Operation::Subscription, Some(Outcome::Succeeded))
            }
        };
    }

    /// How it came out. What fails validation is not executed.
    pub(super) fn came_to(&mut self, was_executed: bool, succeeded: bool) {
        self.outcome = Some(match (was_executed, succeeded) {
            (true, true) => Outcome::Succeeded,
            (true, false) => Outcome::Failed,
            (false, _) => Outcome::Refused,
        });
    }
}

impl Drop for OperationMetrics {
    fn drop(&mut self) {
        let outcome = self.outcome.unwrap_or_else(|| {
            if self.progress.late_at().is_some() {
                Outcome::TimedOut
            } else {
                Outcome::Aborted
            }
        });
        let metrics = &self.app.metrics;
        metrics.operation_ended(self.operation, outcome);
        self.progress.ended(self.operation, outcome);
        if matches!(self.operation, Operation::Query | Operation::Mutation) {
            metrics.operation_took(self.operation, self.begun.elapsed());
        }
    }
}
