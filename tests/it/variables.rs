//! Variables: what is said when one was not sent, and what it means.

use serde_json::{Value, json};

use crate::support::{Client, Socket, TestServer};

const RENAME: &str = "mutation Rename($first: String, $last: String) {
    updateProfile(input: { firstName: $first, lastName: $last }) { user { firstName lastName } }
}";

async fn rename(client: &Client, document: &str, variables: Value) -> Value {
    let body = json!({ "query": document, "operationName": "Rename", "variables": variables });
    let request = client
        .http
        .post(format!("{}/graphql", client.url))
        .bearer_auth(client.token.as_deref().unwrap())
        .json(&body);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["errors"], Value::Null);
    answer["data"]["updateProfile"]["user"].clone()
}

#[tokio::test]
async fn a_variable_that_was_not_sent_changes_nothing() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let fragment = "fragment Names on User { firstName lastName }";
    let in_fragment = format!(
        "{} {fragment}",
        RENAME.replace("{ firstName lastName }", "{ ...Names }")
    );
    let among_others =
        format!("query Other($n: Int) {{ users(first: $n) {{ totalCount }} }} {RENAME}");
    for document in [RENAME, &in_fragment, &among_others] {
        let whole = json!({ "first": "Ada", "last": "Weber" });
        rename(&administrator, document, whole).await;
        let answer = rename(&administrator, document, json!({ "first": "Grace" })).await;
        assert_eq!(answer, json!({ "firstName": "Grace", "lastName": "Weber" }));
        let answer = rename(&administrator, document, json!({ "last": null })).await;
        assert_eq!(answer, json!({ "firstName": "Grace", "lastName": null }));
    }
    // Of a list, an argument, a default.
    for (document, variables) in [
        (
            "query($s: [EmailStatus!]) { emails(filter: { statuses: $s }) { totalCount } }",
            json!({}),
        ),
        (
            "query($n: Int) { emails(first: $n) { nodes { id } } }",
            json!({}),
        ),
        (
            "query($n: Int = 1) { emails(first: $n) { nodes { id } } }",
            json!({}),
        ),
        (
            "query($f: EmailFilter, $n: Int) { emails(filter: $f, first: $n) { nodes { id } } }",
            Value::Null,
        ),
    ] {
        administrator.run_with(document, variables).await.data();
    }
}

#[tokio::test]
async fn a_variable_that_must_be_sent_is_named() {
    let server = TestServer::start().await;
    let document = "query Who($token: String!) { invitationByToken(token: $token) { email } }";
    let sentence = "The variable $token of type String! has no value: send it in `variables`";
    for variables in [
        json!({}),
        Value::Null,
        json!({ "Token": "x" }),
        json!({ "token": null }),
    ] {
        let answer = server
            .anonymous()
            .run_with(document, variables.clone())
            .await;
        assert_eq!(answer.code(), "BAD_REQUEST");
        assert!(
            answer.message().starts_with(sentence),
            "{}",
            answer.message()
        );
        let mut socket = Socket::initialised(&server.url, Value::Null).await;
        let answer = socket.answer("1", document, variables).await;
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(message.starts_with(sentence), "{message}");
    }
    // A default stands in for it.
    let document = document.replace("String!", "String! = \"x\"");
    let answer = server.anonymous().run(&document).await;
    assert_eq!(*answer.data(), json!({ "invitationByToken": null }));
}

#[tokio::test]
async fn what_is_no_point_in_time_is_told_how_to_be_one() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let document =
        "query($after: DateTime) { events(filter: { createdAfter: $after }) { totalCount } }";
    for text in [
        json!("2026-11-21"),
        json!("2026-11-21T09:30:00"),
        json!("2026-11-21 09:30"),
        json!("tomorrow"),
        json!(""),
        json!(1_795_253_400),
    ] {
        let answer = administrator
            .run_with(document, json!({ "after": text }))
            .await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{text}");
        let message = answer.message();
        assert!(message.contains("2026-11-21T09:30:00Z"), "{message}");
    }
    let variables = json!({ "after": "2026-11-21T10:30:00+01:00" });
    administrator.run_with(document, variables).await.data();
}
