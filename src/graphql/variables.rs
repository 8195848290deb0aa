//! The variables of an operation: whether each one that it needs was sent (GraphQL specification,
//! section 6.1.2).

use async_graphql::Variables;
use async_graphql::parser::types::{OperationDefinition, VariableDefinition};
use async_graphql_value::ConstValue;

/// Whether every variable that must have a value has one.
///
/// # Errors
///
/// A sentence for the caller that names the first one which has none.
pub fn must_be_sent(operation: &OperationDefinition, sent: &Variables) -> Result<(), String> {
    let mut definitions = operation.variable_definitions.iter();
    match definitions.find(|definition| lacks_a_value(&definition.node, sent)) {
        None => Ok(()),
        Some(definition) => {
            let VariableDefinition { name, var_type, .. } = &definition.node;
            Err(format!(
                "The variable ${name} of type {var_type} has no value: send it in `variables`, as in {{\"query\": …, \"variables\": {{\"{name}\": …}}}}."
            ))
        }
    }
}

fn lacks_a_value(definition: &VariableDefinition, sent: &Variables) -> bool {
    let must_have_one = !definition.var_type.node.nullable;
    match sent.get(&definition.name.node) {
        None => must_have_one && definition.default_value.is_none(),
        Some(value) => must_have_one && *value == ConstValue::Null,
    }
}
