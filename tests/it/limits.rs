//! What the API refuses before it walks it, through the front door. The guard's own arithmetic is
//! tested beside it, and what hostile requests cost in `tests/memory.rs`.

use serde_json::{Value, json};

use crate::support::documents::{deep_json, nested, numbered, query, with_variables};
use crate::support::{Answer, PASSWORD, TestServer};

async fn post(server: &TestServer, body: String) -> Answer {
    let request = server
        .anonymous()
        .http
        .post(format!("{}/graphql", server.url))
        .header("content-type", "application/json")
        .body(body);
    Answer::read(request.send().await.unwrap()).await
}

/// Security rule 16: the last that is within a limit passes, and one more does not.
#[tokio::test]
async fn what_is_within_the_limits_passes_and_one_more_does_not() {
    let server = TestServer::start().await;
    for (most, part, start, end) in [
        (500, "a#: __typename ", "{ ", "}"),
        (10, "query Q# { __typename } ", "", ""),
        (
            10,
            "a#: signOut { userErrors { code } } ",
            "mutation { ",
            "}",
        ),
    ] {
        for (count, passes) in [(most, true), (most + 1, false)] {
            let text = format!("{start}{}{end}", numbered(part, count));
            let body =
                json!({ "query": text, "operationName": part.contains("Q#").then_some("Q0") });
            let answer = post(&server, body.to_string()).await;
            if passes {
                assert!(answer.body.get("errors").is_none(), "{}", answer.body)
            } else {
                assert_eq!(answer.code(), "LIMIT_EXCEEDED", "{}", answer.body)
            }
        }
    }
    for body in [
        with_variables(json!({ "a": vec![1; 5_001] })),
        deep_json(33),
        format!("[{}]", vec![query("{ __typename }"); 11].join(",")),
    ] {
        assert_eq!(post(&server, body).await.code(), "LIMIT_EXCEEDED");
    }
    for (text, code) in [
        ("{ __typename", "BAD_REQUEST"),
        ("{ ...A } fragment A on Query { ...A }", "BAD_REQUEST"),
        (&"{".repeat(100), "LIMIT_EXCEEDED"),
        (
            &format!("{{ {} }}", numbered("a#: __typename ", 501)),
            "LIMIT_EXCEEDED",
        ),
    ] {
        let answer = post(&server, query(text)).await;
        assert_eq!(answer.code(), code);
        assert!(answer.body["errors"][0]["locations"][0]["line"].is_u64());
    }
}

/// Security rule 16: pages in pages multiply, and so do the circles of introspection.
#[tokio::test]
async fn what_a_short_document_can_bring_is_bounded() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let pages = |open: &str, levels| {
        let inside = nested(open, "nodes { id }", "} } }", levels);
        format!("{{ viewer {{ events {{ {inside} }} }} }}")
    };
    let around = |type_name: &str, levels| {
        let circle = nested("possibleTypes { interfaces { ", "name", " } }", levels);
        format!("{{ __type(name: \"{type_name}\") {{ {circle} }} }}")
    };
    for (text, passes) in [
        (pages("nodes { actor { events { ", 0), true),
        (pages("nodes { actor { events(first: 5) { ", 2), true),
        (pages("nodes { actor { events { ", 3), false),
        (pages("nodes { actor { events(last: 100) { ", 2), false),
        ("{ users(first: 100) { nodes { id email roles { id name } events(first: 5) { nodes { id } } } } }".to_owned(), true),
        ("{ users(first: 100) { nodes { events(first: 100) { nodes { id action } } } } }".to_owned(), false),
        (around("Node", 1), true),
        (around("Node", 7), false),
    ] {
        let answer = administrator.run(&text).await;
        if passes {
assert!(answer.body.get("errors").is_none(), "{text}: {}", answer.body)
} else {
assert_eq!(answer.code(), "LIMIT_EXCEEDED", "{text}: {}", answer.body)
}
    }
    // A variable is no way round it.
    let text = "query($n: Int) { users(first: $n) { nodes { events(first: $n) { nodes { id action } } } } }";
    for (n, passes) in [(10, true), (100, false)] {
        let answer = administrator.run_with(text, json!({ "n": n })).await;
        assert_eq!(
            answer.body.get("errors").is_none(),
            passes,
            "{}",
            answer.body
        );
    }
    let text = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { events(first: 100) { nodes { id action } } } } }";
    let ids = json!({ "ids": vec![administrator.id.clone(); 100] });
    let answer = administrator.run_with(text, ids).await;
    assert_eq!(answer.code(), "LIMIT_EXCEEDED");
}

/// Security rule 16: the time for one request.
#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let server = TestServer::start_with(&["graphql.timeout=1ns"]).await;
    // It has to wait: on SQLite for whoever writes, elsewhere for the database to answer, again and again. The
    // shortest time that is measured is a millisecond.
    let _writes = server.server.app.db.begin().await.unwrap();
    let one = "signIn(input: { email: \"a@kbank.com\", password: \"x\" }) { token }";
    let all: Vec<String> = (0..5).map(|number| format!("s{number}: {one}")).collect();
    let text = &format!("mutation {{ {} }}", all.join(" "));
    let answer = post(&server, query(text)).await;
    assert_eq!((answer.status, answer.code()), (503, "LIMIT_EXCEEDED"));
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order_and_signs_in_on_the_way() {
    let server = TestServer::start().await;
    server.administrator().await;
    let sign_in = json!({
        "query": "mutation($input: SignInInput!) { signIn(input: $input) { token } }",
        "variables": { "input": { "email": "admin@example.com", "password": PASSWORD } }
    });
    let who = json!({ "query": "{ viewer { email } }" });
    let broken = json!({ "query": "{" });
    let batch = json!([who, sign_in, broken, who]).to_string();
    let answer = post(&server, batch).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body[0]["data"]["viewer"], Value::Null);
    assert!(answer.body[1]["data"]["signIn"]["token"].is_string());
    assert_eq!(
        answer.body[2]["errors"][0]["extensions"]["code"],
        "BAD_REQUEST"
    );
    assert_eq!(
        answer.body[3]["data"]["viewer"]["email"],
        "admin@example.com"
    );
    let cookies = answer.headers.get_all("set-cookie").iter();
    let names = cookies.map(|cookie| cookie.to_str().unwrap().split('=').next().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["usher_session", "usher_device"]);
    assert_eq!(answer.body.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let server = TestServer::start().await;
    let body = json!({ "query": "{ __typename }", "variables": { "a": "x".repeat(256 * 1024) } });
    let answer = post(&server, body.to_string()).await;
    assert_eq!((answer.status, answer.code()), (413, "LIMIT_EXCEEDED"));
}
