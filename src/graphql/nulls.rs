//! Null where a field failed.
//!
//! The library leaves a field that failed out of its object, and takes an object for null of which every
//! field failed. Clients expect null for the field itself or, where it cannot be null, for the nearest of
//! its parents that can (GraphQL specification, section 6.4.4).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::LazyLock;

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Field, OperationDefinition, OperationType, Selection,
    SelectionSet, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::parser::{parse_query, parse_schema};
use async_graphql::{Name, PathSegment, Request, Response, Value};

use super::operations;

/// The types of all fields, by the names of their type and their own.
static FIELDS: LazyLock<HashMap<Name, HashMap<Name, Type>>> = LazyLock::new(|| {
    let Ok(schema) = parse_schema(super::sdl()) else {
        return HashMap::new();
    };
    let definitions = schema.definitions.into_iter();
    let types = definitions.filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        _ => None,
    });
    let with_fields = types.filter_map(|definition| {
        let fields = match definition.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => return None,
        };
        let fields = fields.into_iter().map(|field| field.node);
        let fields = fields.map(|field| (field.name.node, field.ty.node));
        Some((definition.name.node, fields.collect()))
    });
    with_fields.collect()
});

/// What was requested, to find out what a path in its response leads through.
pub struct Requested {
    query: String,
    operation: Option<String>,
}

impl Requested {
    /// What this request asks for.
    pub fn by(request: &Request) -> Self {
        Self {
            query: request.query.clone(),
            operation: request.operation_name.clone(),
        }
    }

    /// Puts null into the response's data wherever a field failed. A response without errors stays as it is,
    /// and only one with errors has its document read again.
    pub fn complete(&self, response: &mut Response) {
        let failed = response.errors.iter().map(|error| error.path.as_slice());
        let failed: Vec<_> = failed.filter(|path| !path.is_empty()).collect();
        if failed.is_empty() {
            return;
        }
        let Ok(document) = parse_query(&self.query) else {
            return;
        };
        let Some(operation) = operations::named(&document, self.operation.as_deref()) else {
            return;
        };
        // Rows fail alike: it is looked up once what a path leads through, whichever rows these are.
        let mut known = HashMap::new();
        let mut nulls: Vec<_> = failed
            .into_iter()
            .filter_map(|path| {
                let nullable = known
                    .entry(keys(path))
                    .or_insert_with(|| nullable_steps(&document, operation, path));
                let nearest = nullable
                    .as_ref()?
                    .iter()
                    .rposition(|is_nullable| *is_nullable);
                Some(&path[..nearest.map_or(0, |step| step + 1)])
            })
            .collect();
        // A parent that is null hides what failed inside of it.
        nulls.sort_by_key(|path| Reverse(path.len()));
        for path in nulls {
            set_null(&mut response.data, path);
        }
    }
}

/// The path without the numbers of rows.
fn keys(path: &[PathSegment]) -> Vec<&str> {
    let keys = path.iter().map(|segment| match segment {
        PathSegment::Field(key) => key.as_str(),
        PathSegment::Index(_) => "",
    });
    keys.collect()
}

/// For each step of a path, whether what it leads to can be null; `None` for what the schema does not know,
/// which is introspection.
fn nullable_steps(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    path: &[PathSegment],
) -> Option<Vec<bool>> {
    let root = match operation.ty {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    };
    let mut sets = vec![(root, &operation.selection_set.node)];
    let mut current: Option<&Type> = None;
    let mut steps = Vec::with_capacity(path.len());
    for segment in path {
        let ty = match segment {
            PathSegment::Field(key) => {
                let mut selected = Vec::new();
                for (parent, set) in &sets {
                    select(document, parent, set, key, &mut selected);
                }
                // Those of the same key have the same type (section 5.3.2).
                let (parent, field) = selected.first()?;
                let ty = FIELDS.get(*parent)?.get(&field.name.node)?;
                let of = name(ty);
                let fields = selected.into_iter().map(|(_, field)| field);
                sets = fields
                    .map(|field| (of, &field.selection_set.node))
                    .collect();
                ty
            }
            PathSegment::Index(_) => match &current?.base {
                BaseType::List(entry) => entry,
                BaseType::Named(_) => return None,
            },
        };
        steps.push(ty.nullable);
        current = Some(ty);
    }
    Some(steps)
}

/// Adds the fields that a selection has under this key, each with the type that it belongs to.
fn select<'a>(
    document: &'a ExecutableDocument,
    parent: &'a str,
    set: &'a SelectionSet,
    key: &str,
    selected: &mut Vec<(&'a str, &'a Field)>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                if field.node.response_key().node == key {
                    selected.push((parent, &field.node));
                }
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let parent = condition.map_or(parent, |on| &*on.node.on.node);
                let set = &fragment.node.selection_set.node;
                select(document, parent, set, key, selected);
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if let Some(fragment) = document.fragments.get(name) {
                    let parent = &*fragment.node.type_condition.node.on.node;
                    let set = &fragment.node.selection_set.node;
                    select(document, parent, set, key, selected);
                }
            }
        }
    }
}

/// The name of a type, or of what its lists hold.
fn name(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(entry) => name(entry),
    }
}

fn set_null(data: &mut Value, path: &[PathSegment]) {
    let mut value = data;
    for segment in path {
        let inner = match (segment, value) {
            (PathSegment::Field(key), value) => {
                // Something failed inside of it, so it is there.
                if *value == Value::Null {
                    *value = Value::Object(Default::default());
                }
                match value {
                    Value::Object(fields) => Some(fields.entry(Name::new(key)).or_default()),
                    _ => None,
                }
            }
            (PathSegment::Index(index), Value::List(entries)) => entries.get_mut(*index),
            (PathSegment::Index(_), _) => None,
        };
        let Some(inner) = inner else {
            return;
        };
        value = inner;
    }
    *value = Value::Null;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use async_graphql::ServerError;
    use serde_json::json;

    use super::*;

    /// What becomes of the data where these paths failed.
    fn completed(
        query: &str,
        data: serde_json::Value,
        failed: serde_json::Value,
    ) -> serde_json::Value {
        let mut response = Response::new(Value::from_json(data).unwrap());
        for path in failed.as_array().unwrap() {
            let mut error = ServerError::new("refused", None);
            let path = path.as_array().unwrap().iter();
            error.path = path
                .map(|step| match step.as_u64() {
                    Some(index) => PathSegment::Index(usize::try_from(index).unwrap()),
                    None => PathSegment::Field(step.as_str().unwrap().to_owned()),
                })
                .collect();
            response.errors.push(error);
        }
        Requested::by(&Request::new(query)).complete(&mut response);
        response.data.into_json().unwrap()
    }

    #[test]
    fn what_can_be_null_is_null_and_its_parent_stays() {
        let query = "{ users { nodes { email log: events { totalCount } invitation { ...of } } } }
            fragment of on Invitation { emails { id } }";
        assert_eq!(
            completed(
                query,
                json!({ "users": { "nodes": [{ "email": "a" }, { "email": "b", "invitation": null }] } }),
                json!([
                    ["users", "nodes", 0, "log"],
                    ["users", "nodes", 1, "invitation", "emails"],
                ]),
            ),
            json!({ "users": { "nodes": [
                { "email": "a", "log": null },
                { "email": "b", "invitation": { "emails": null } },
            ] } })
        );
    }

    #[test]
    fn what_cannot_be_null_makes_the_nearest_parent_null_that_can() {
        let query = "query($id: ID!) {
            node(id: $id) { ... on Invitation { invitedBy { email displayName } id } } users { totalCount }
        }";
        let data =
            json!({ "node": { "id": "i", "invitedBy": { "displayName": "Ada" } }, "users": {} });
        let inviter = json!([["node", "invitedBy", "email"]]);
        assert_eq!(
            completed(query, data.clone(), inviter),
            json!({ "node": { "id": "i", "invitedBy": null }, "users": {} })
        );
        let all = json!([
            ["node", "invitedBy", "email"],
            ["users", "totalCount"],
            ["node", "id"]
        ]);
        assert_eq!(completed(query, data, all), json!(null));
    }

    #[test]
    fn an_entry_of_a_list_is_null_where_it_can_be() {
        let query = "{ nodes(ids: []) { id } }";
        assert_eq!(
            completed(
                query,
                json!({ "nodes": [{ "id": "a" }, {}] }),
                json!([["nodes", 1, "id"]])
            ),
            json!({ "nodes": [{ "id": "a" }, null] })
        );
    }

    #[test]
    fn what_the_schema_does_not_know_stays_as_it_is() {
        let data = json!({ "__schema": {} });
        let failed = json!([["__schema", "types"], ["nowhere", 1, "x"]]);
        assert_eq!(
            completed("{ __schema { types { name } } }", data.clone(), failed),
            data
        );
    }
}
