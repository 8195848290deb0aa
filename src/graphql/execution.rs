//! What happens to an operation before its resolvers run, beside what the library does: checks that
//! validation lacks, and a note that it was executed.

use std::sync::Arc;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextValidation,
};
use async_graphql::parser::types::{BaseType, ExecutableDocument, Type};
use async_graphql::{
    Response, ServerError, ServerResult, ValidationResult, Variables, async_trait,
};

use super::context::Caller;
use super::error::Code;
use super::limits::MAX_COMPLEXITY;

/// Refuses what validation would panic on and what exceeds [`MAX_COMPLEXITY`], and tells the caller's
/// outcome that the operation was executed.
#[derive(Clone, Copy)]
pub struct ExecutionExtension;

impl ExtensionFactory for ExecutionExtension {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(*self)
    }
}

#[async_trait::async_trait]
impl Extension for ExecutionExtension {
    /// Refuses variables of types that the schema does not have. Validation would as well, but it
    /// panics first where a list of them has a default value.
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(ctx, query, variables).await?;
        let types = &ctx.schema_env.registry.types;
        let definitions = document
            .operations
            .iter()
            .flat_map(|(_, operation)| &operation.node.variable_definitions);
        for definition in definitions {
            let name = innermost(&definition.node.var_type.node);
            if !types.contains_key(name) {
                let message = format!("Unknown type {name:?}");
                return Err(ServerError::new(message, Some(definition.pos)));
            }
        }
        Ok(document)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let valid = next.run(ctx).await?;
        if valid.complexity <= MAX_COMPLEXITY {
            return Ok(valid);
        }
        let message = format!("The response could have more than {MAX_COMPLEXITY} fields.");
        let mut error = ServerError::new(message, None);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", Code::LimitExceeded.as_str());
        Err(vec![error])
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        if let Ok(caller) = ctx.data::<Arc<Caller>>() {
            caller.note_executed();
        }
        next.run(ctx, operation_name).await
    }
}

/// The type of a list's items, however deep.
fn innermost(mut of: &Type) -> &str {
    loop {
        match &of.base {
            BaseType::Named(name) => return name,
            BaseType::List(items) => of = items,
        }
    }
}
