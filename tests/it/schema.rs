//! The schema: it is what `schema.graphql` says, everything in it is described, and only those see it
//! who may.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

use crate::support::TestServer;

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

#[tokio::test]
async fn introspection_and_the_playground_can_be_switched_off() {
    let server =
        TestServer::start_with(&["graphql.introspection=false", "playground.enabled=false"]).await;
    let answer = server
        .anonymous()
        .run("{ __schema { queryType { name } } }")
        .await;
    assert!(
        answer.body.to_string().find("\"name\":\"Query\"").is_none(),
        "{}",
        answer.body
    );
    let get = |path: &str| {
        server
            .anonymous()
            .http
            .get(format!("{}{path}", server.url))
            .send()
    };
    assert_eq!(get("/playground").await.unwrap().status(), 404);
    let server = TestServer::start().await;
    let answer = server
        .anonymous()
        .run("{ __schema { queryType { name } } }")
        .await;
    assert_eq!(answer.data()["__schema"]["queryType"]["name"], "Query");
}

/// Security rule 17.
#[tokio::test]
async fn production_shows_neither_schema_nor_playground_unless_told_to() {
    let production = [
        "environment=production",
        "server.public_url=https://people.kbank.com",
        "mail.from=People <people@kbank.com>",
    ];
    for (settings, shows) in [
        (&[][..], false),
        (
            &["graphql.introspection=true", "playground.enabled=true"],
            true,
        ),
    ] {
        let server = TestServer::start_with(&[&production[..], settings].concat()).await;
        let answer = server
            .anonymous()
            .run("{ __schema { queryType { name } } }")
            .await;
        assert_eq!(answer.body.to_string().contains("\"Query\""), shows);
        let http = &server.anonymous().http;
        let page = http
            .get(format!("{}/playground", server.url))
            .send()
            .await
            .unwrap();
        assert_eq!(page.status() == 200, shows);
    }
}
