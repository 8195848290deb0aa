//! The schema's text: it is what `schema.graphql` says, and everything in it is described.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

const SCHEMA: &str = include_str!("../../schema.graphql");

#[test]
fn schema_graphql_is_up_to_date() {
    assert!(
        usher::graphql::sdl() == SCHEMA,
        "schema.graphql is stale. Renew it, and look at the difference:\n\n    cargo run -- schema > schema.graphql\n"
    );
}

#[test]
fn everything_is_described() {
    let mut bare = Vec::new();
    let mut check = |what: String, is_described: bool| {
        if !is_described {
            bare.push(what);
        }
    };
    for definition in parse_schema(SCHEMA).unwrap().definitions {
        let ty = match definition {
            TypeSystemDefinition::Type(ty) => ty.node,
            TypeSystemDefinition::Directive(directive) => {
                let directive = directive.node;
                let name = directive.name.node;
                // These three are the specification's own.
                if !["include", "skip", "deprecated", "specifiedBy", "oneOf"]
                    .contains(&name.as_str())
                {
                    check(format!("@{name}"), directive.description.is_some());
                }
                continue;
            }
            TypeSystemDefinition::Schema(_) => continue,
        };
        let name = ty.name.node;
        check(name.to_string(), ty.description.is_some());
        match ty.kind {
            TypeKind::Object(object) => {
                for field in object.fields {
                    let path = format!("{name}.{}", field.node.name.node);
                    for argument in &field.node.arguments {
                        check(
                            format!("{path}({})", argument.node.name.node),
                            argument.node.description.is_some(),
                        );
                    }
                    check(path, field.node.description.is_some());
                }
            }
            TypeKind::Interface(interface) => {
                for field in interface.fields {
                    check(
                        format!("{name}.{}", field.node.name.node),
                        field.node.description.is_some(),
                    );
                }
            }
            TypeKind::Enum(values) => {
                for value in values.values {
                    check(
                        format!("{name}.{}", value.node.value.node),
                        value.node.description.is_some(),
                    );
                }
            }
            TypeKind::InputObject(input) => {
                for field in input.fields {
                    check(
                        format!("{name}.{}", field.node.name.node),
                        field.node.description.is_some(),
                    );
                }
            }
            TypeKind::Scalar | TypeKind::Union(_) => {}
        }
    }
    assert_eq!(bare, [""; 0], "these have no description");
}
