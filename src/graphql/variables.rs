//! The variables of an operation, as the GraphQL specification wants them (sections 6.1.2 and 6.4.1):
//! what must be sent, and what it means when something is not. The library takes a variable that was
//! not sent for `null`, which would clear whatever an update leaves alone.

use std::collections::HashSet;
use std::sync::LazyLock;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
    Type, TypeSystemDefinition, VariableDefinition,
};
use async_graphql::{Name, Positioned, Variables};
use async_graphql_value::{ConstValue, Value};

/// The names of the schema's types.
static TYPES: LazyLock<HashSet<Name>> = LazyLock::new(|| {
    let schema = parse_schema(include_str!("../../schema.graphql"));
    let definitions = schema.map_or(Vec::new(), |schema| schema.definitions);
    let types = definitions
        .into_iter()
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node.name.node),
            _ => None,
        });
    let built_in = ["Boolean", "Float", "ID", "Int", "String"].map(Name::new);
    types.chain(built_in).collect()
});

/// Whether the schema has the types of all variables. Validation would ask as well, but it panics first
/// where a list of such a type has a default value.
///
/// # Errors
///
/// A sentence for the caller that names the first type that there is not.
pub fn must_have_types(document: &ExecutableDocument) -> Result<(), String> {
    let mut definitions = document
        .operations
        .iter()
        .flat_map(|(_, operation)| &operation.node.variable_definitions)
        .map(|definition| innermost(&definition.node.var_type.node));
    match definitions.find(|name| !TYPES.contains(*name)) {
        None => Ok(()),
        Some(name) => Err(format!("Unknown type \"{name}\"")),
    }
}

/// The type of a list's items, however deep.
fn innermost(mut of: &Type) -> &Name {
    loop {
        match &of.base {
            BaseType::Named(name) => return name,
            BaseType::List(items) => of = items,
        }
    }
}

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

/// Leaves out the arguments and input fields whose variable was not sent: they are as good as not
/// written. In a list, such a variable is `null`.
///
/// Of a document with several operations only those without fragments can be treated so: the others
/// use the fragments as well, with variables of their own.
pub fn leave_out_unsent(document: &mut ExecutableDocument, name: Option<&str>, sent: &Variables) {
    let shares_fragments = match &document.operations {
        DocumentOperations::Single(_) => false,
        DocumentOperations::Multiple(operations) => operations.len() > 1,
    } && !document.fragments.is_empty();
    let operation = match (&mut document.operations, name) {
        _ if shares_fragments => None,
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get_mut(name),
        (DocumentOperations::Multiple(operations), None) => operations.values_mut().next(),
    };
    let Some(operation) = operation.map(|operation| &mut operation.node) else {
        return;
    };
    let is_unsent = |definition: &VariableDefinition| {
        definition.default_value.is_none() && !sent.contains_key(&definition.name.node)
    };
    let definitions = &mut operation.variable_definitions;
    let unsent: HashSet<Name> = definitions
        .iter()
        .filter(|definition| is_unsent(&definition.node))
        .map(|definition| definition.node.name.node.clone())
        .collect();
    if unsent.is_empty() {
        return;
    }
    // Nothing uses them any more, which validation would complain about.
    definitions.retain(|definition| !unsent.contains(&definition.node.name.node));
    let fragments = document.fragments.values_mut();
    let fragments = fragments.map(|fragment| &mut fragment.node.selection_set.node);
    for selections in fragments.chain([&mut operation.selection_set.node]) {
        leave_out_of(selections, &unsent);
    }
}

fn leave_out_of(selections: &mut SelectionSet, unsent: &HashSet<Name>) {
    for selection in &mut selections.items {
        match &mut selection.node {
            Selection::Field(field) => {
                leave_out_of_arguments(&mut field.node.arguments, unsent);
                leave_out_of(&mut field.node.selection_set.node, unsent);
            }
            Selection::InlineFragment(fragment) => {
                leave_out_of(&mut fragment.node.selection_set.node, unsent);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn leave_out_of_arguments(
    arguments: &mut Vec<(Positioned<Name>, Positioned<Value>)>,
    unsent: &HashSet<Name>,
) {
    arguments.retain(|(_, value)| !is_unsent(&value.node, unsent));
    for (_, value) in arguments {
        leave_out_of_value(&mut value.node, unsent);
    }
}

fn leave_out_of_value(value: &mut Value, unsent: &HashSet<Name>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !is_unsent(value, unsent));
            for value in fields.values_mut() {
                leave_out_of_value(value, unsent);
            }
        }
        Value::List(items) => {
            for value in items {
                if is_unsent(value, unsent) {
                    *value = Value::Null;
                } else {
                    leave_out_of_value(value, unsent);
                }
            }
        }
        _ => {}
    }
}

fn is_unsent(value: &Value, unsent: &HashSet<Name>) -> bool {
    matches!(value, Value::Variable(name) if unsent.contains(name))
}
