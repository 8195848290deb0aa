//! The operation that a request asks for, ready to be executed: within the limits, and with the
//! variables that it needs. Whether the schema knows its fields, validation says later.

use async_graphql::Request as GraphqlRequest;
use async_graphql::parser::types::OperationType;
use poem::http::StatusCode;

use super::operation_metrics::OperationMetrics;
use super::request::check_variables;
use super::response::Refusal;
use crate::graphql::limits::{self, Limits};
use crate::graphql::{operations, variables};

/// How to watch something, for those who send a subscription as if it were a query.
const SUBSCRIPTIONS: &str = "A subscription answers many times: send it with `Accept: text/event-stream`, or over a WebSocket with the subprotocol graphql-transport-ws.";

/// An operation that keeps within the limits, and is about to be executed.
pub(super) struct Operation {
    /// With the document in it.
    pub(super) request: GraphqlRequest,
    pub(super) kind: OperationType,
    pub(super) metrics: OperationMetrics,
}

impl Operation {
    /// Reads the request's document. Nothing walks it before it is known to keep within the limits.
    ///
    /// # Errors
    ///
    /// What exceeds a limit, is no document, does not say which operation is meant, or lacks a
    /// variable.
    pub(super) fn read(
        mut request: GraphqlRequest,
        metrics: OperationMetrics,
    ) -> Result<Self, Refusal> {
        check_variables(&request.variables)?;
        let mut document = limits::parse_within(&Limits::default(), &request.query)?;
        let name = request.operation_name.as_deref();
        let Some(operation) = operations::named(&document, name) else {
            return Err(Refusal::of_document(match name {
                Some(_) => "The document has no operation of the name in `operationName`.",
                None => "Name one of the document's operations by `operationName`.",
            }));
        };
        variables::must_have_types(&document).map_err(Refusal::of_document)?;
        variables::must_be_sent(operation, &request.variables).map_err(Refusal::of_document)?;
        let kind = operation.ty;
        variables::leave_out_unsent(&mut document, name, &request.variables);
        request.set_parsed_query(document);
        Ok(Self {
            request,
            kind,
            metrics,
        })
    }

    /// A link or an image can cause a GET from anywhere, so it must not change anything.
    ///
    /// # Errors
    ///
    /// Status 405 for a mutation.
    pub(super) fn must_only_read(&self) -> Result<(), Refusal> {
        if self.kind != OperationType::Mutation {
            return Ok(());
        }
        let message = "Only queries can be sent by GET; send this by POST.";
        Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message))
    }

    /// A response that comes at once holds no subscription.
    ///
    /// # Errors
    ///
    /// How to send a subscription.
    pub(super) fn must_respond_once(&self) -> Result<(), Refusal> {
        if self.kind != OperationType::Subscription {
            return Ok(());
        }
        Err(Refusal::of_document(SUBSCRIPTIONS))
    }
}
