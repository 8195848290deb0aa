//! What the API refuses before it walks it, through the front door. The guard's own arithmetic is
//! tested beside it.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Said, Socket, TestServer};

async fn post(server: &TestServer, body: String) -> Answer {
    let request = server
        .anonymous()
        .http
        .post(format!("{}/graphql", server.url))
        .header("content-type", "application/json")
        .body(body);
    Answer::read(request.send().await.unwrap()).await
}

fn query(text: impl Into<String>) -> String {
    json!({ "query": text.into() }).to_string()
}

fn with_variables(variables: Value) -> String {
    json!({ "query": "query($a: Int) { __typename }", "variables": variables }).to_string()
}

/// Fragments that each spread the next one so many times.
fn spreads(times: usize, deep: usize, last: &str) -> String {
    let mut text = "{ ...F0 } ".to_owned();
    for level in 0..deep {
        let next = format!("...F{} ", level + 1).repeat(times);
        write!(text, "fragment F{level} on Query {{ {next} }} ").unwrap();
    }
    write!(text, "fragment F{deep} on Query {{ {last} }}").unwrap();
    text
}

fn nested(open: &str, inner: &str, close: &str, levels: usize) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

fn numbered(part: &str, count: usize) -> String {
    (0..count)
        .map(|index| part.replace('#', &index.to_string()))
        .collect()
}

/// JSON so deep that it cannot be built as a value here.
fn deep_json(levels: usize) -> String {
    format!(
        r#"{{"query":"{{ __typename }}","variables":{{"a":{}}}}}"#,
        nested("[", "1", "]", levels)
    )
}

/// Bodies that want too much, or that are broken in a way that has cost others dearly.
fn hostile() -> Vec<String> {
    let mut bodies = Vec::new();
    let mut queries = vec![
        spreads(20, 5, "__typename"),
        spreads(30, 6, "__typename"),
        spreads(30, 30, "__typename"),
        spreads(2, 98, "__typename"),
        spreads(30, 30, "...Unknown"),
        spreads(10, 10, "passwordPolicy { minLength }"),
        "{ ...A } fragment A on Query { ...A }".to_owned(),
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
        "{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(),
        format!("{{ {} }}", numbered("a#: __typename ", 501)),
        format!("{{ {} }}", numbered("a#: __typename ", 10_000)),
        format!("{{ {} }}", "__typename ".repeat(5_000)),
        format!("{{ {} }}", numbered("a#: nothing ", 499)),
        format!("mutation {{ {} }}", numbered("a#: signOut { userErrors { code } } ", 11)),
        numbered("query Q# { __typename } ", 11),
        numbered("query Q# { __typename } ", 2_000),
        format!("{{ __typename }} {}", numbered("fragment F# on Query { __typename } ", 101)),
        format!("query({}) {{ __typename }}", numbered("$a#: Int ", 101)),
        format!("{{ __typename {} }}", "@skip(if: false) ".repeat(51)),
        format!("{{ __typename {} }}", "@unknown ".repeat(5_000)),
        format!("{{ __typename @include(if: {}) }}", nested("[", "1", "]", 5_000)),
        format!("{{ {} }}", "x".repeat(60_000)),
        format!("{{ {} }}", "x".repeat(70_000)),
        format!("{{ __typename }} #{}", "#".repeat(70_000)),
        format!("{{ invitation(token: \"{}\") {{ email }} }}", "x".repeat(60_000)),
        format!("{{ invitation(token: \"\"\"{}", "x".repeat(1_000)),
        format!("{{ invitation(token: \"{}", "\\\"".repeat(1_000)),
        format!("{{ invitation(token: {}) {{ email }} }}", nested("[", "1", "]", 1_000)),
        format!("{{ invitation(token: {}) {{ email }} }}", nested("{a:", "1", "}", 1_000)),
        format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"x\" ".repeat(4_000)),
        format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"x\" ".repeat(101)),
        format!("query($a: {}) {{ __typename }}", nested("[", "Int", "]", 5_000)),
        nested("{a", "", "}", 20_000),
        nested("{ ... ", "{ __typename }", "}", 5_000),
        nested("{ ... on Query ", "{ __typename }", "}", 40),
        "{".repeat(60_000),
        "[".repeat(60_000),
        "(".repeat(60_000),
        "}".repeat(60_000),
        "\"".repeat(60_000),
        "...".repeat(20_000),
        "@".repeat(60_000),
        "$".repeat(60_000),
        "query ".repeat(10_000),
        "\u{0}".repeat(1_000),
        "\u{feff}".repeat(10_000),
        "\u{202e}{ __typename }".to_owned(),
        String::new(),
        " ".repeat(60_000),
        "{ users(first: 2147483647) { totalCount } }".to_owned(),
        "{ users(first: 99999999999999999999) { totalCount } }".to_owned(),
        "{ users(first: -1) { totalCount } }".to_owned(),
        "{ __typename(a: 1e999999) }".to_owned(),
        format!("{{ __typename(a: {}) }}", "9".repeat(60_000)),
        "subscription { a b }".to_owned(),
        "subscription { __typename }".to_owned(),
        "type Query { a: Int }".to_owned(),
        "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }".to_owned(),
        format!("{{ __schema {{ types {{ {} }} }} }}", numbered("a#: fields { name } ", 300)),
        format!(
            "{{ __schema {{ types {{ {} }} }} }}",
            nested("fields { type {", "name", "} }", 12)
        ),
    ];
    bodies.extend(queries.drain(..).map(query));
    let variables: serde_json::Map<String, Value> = (0..101)
        .map(|index| (format!("a{index}"), json!(1)))
        .collect();
    bodies.push(with_variables(Value::Object(variables)));
    bodies.push(with_variables(json!({ "a": vec![1; 20_000] })));
    bodies.push(with_variables(json!({ "a": "x".repeat(200_000) })));
    bodies.push(with_variables(json!({ "a": vec![vec![0; 10]; 1_000] })));
    bodies.push(with_variables(json!([1, 2, 3])));
    bodies.extend([33, 100, 127, 128, 1_000, 50_000].map(deep_json));
    bodies.extend([
        "[".repeat(200_000),
        "{\"query\":".repeat(20_000),
        format!("[{}]", vec![query("{ __typename }"); 11].join(",")),
        format!("[{}]", vec![query("{ __typename }"); 5_000].join(",")),
        format!("[{}]", vec![query(spreads(30, 6, "__typename")); 10].join(",")),
        format!("[[{}]]", query("{ __typename }")),
        format!("[{}", query("{ __typename }")),
        "[]".to_owned(),
        "null".to_owned(),
        "\u{0}".to_owned(),
        "x".repeat(300_000),
        format!("{{\"query\":\"{}\"}}", "\\u0000".repeat(5_000)),
        format!("{{\"query\":\"{{ __typename }}\",\"query\":{}}}", "1".repeat(1_000)),
        format!("{{\"query\":\"{{ __typename }}\",{}\"x\":1}}", "\"a\":1,".repeat(20_000)),
        r#"{"query":"{ __typename }","operationName":"Missing"}"#.to_owned(),
        format!("{{\"query\":\"{{ __typename }}\",\"operationName\":\"{}\"}}", "x".repeat(100_000)),
        r#"{"query":"query($a: Int!) { users(first: $a) { totalCount } }","variables":{"a":1e400}}"#
            .to_owned(),
    ]);
    bodies
}

/// Kilobytes of memory that this process, the server in it, holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Security rule 16.
#[tokio::test]
async fn hostile_requests_cost_next_to_nothing() {
    let server = TestServer::start().await;
    let bodies = hostile();
    assert!(bodies.len() >= 80, "{}", bodies.len());
    // The first ones fill caches, so that they are no growth.
    for body in bodies.iter().take(5) {
        post(&server, body.clone()).await;
    }
    let before = resident();
    for body in &bodies {
        let start: String = body.chars().take(120).collect();
        let answer = post(&server, body.clone()).await;
        assert!(answer.status < 500, "{start}: {}", answer.status);
        assert!(answer.body.to_string().len() < 400_000, "{start}");
        let begun = Instant::now();
        let alive = server.anonymous().run("{ __typename }").await;
        assert_eq!(*alive.data(), json!({ "__typename": "Query" }), "{start}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{start}");
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 20 * 1024, "{grown} KiB");
}

/// Security rule 16: nor do they as messages of a WebSocket.
#[tokio::test]
async fn hostile_messages_cost_next_to_nothing() {
    let server = TestServer::start().await;
    let subscribe = |body: &str| format!(r#"{{"id":"1","type":"subscribe","payload":{body}}}"#);
    let mut before = 0;
    for (index, body) in hostile().iter().enumerate() {
        // The first ones fill caches, so that they are no growth.
        if index == 5 {
            before = resident();
        }
        let start: String = body.chars().take(120).collect();
        let mut socket = Socket::initialised(&server.url, Value::Null).await;
        // What is too long may be refused before it was sent.
        let _ = socket.say_text(subscribe(body)).await;
        let said = socket.listen().await;
        if let Said::Message(message) = &said {
            assert_eq!(message["id"], "1", "{start}");
        }
        let begun = Instant::now();
        let alive = server.anonymous().run("{ __typename }").await;
        assert_eq!(*alive.data(), json!({ "__typename": "Query" }), "{start}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{start}");
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 20 * 1024, "{grown} KiB");
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
            match passes {
                true => assert!(answer.body.get("errors").is_none(), "{}", answer.body),
                false => assert_eq!(answer.code(), "LIMIT_EXCEEDED", "{}", answer.body),
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
        match passes {
            true => assert!(answer.body.get("errors").is_none(), "{text}: {}", answer.body),
            false => assert_eq!(answer.code(), "LIMIT_EXCEEDED", "{text}: {}", answer.body),
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
    // It has to wait for the database, at least.
    let text = "mutation { signIn(input: { email: \"a@kbank.com\", password: \"x\" }) { token } }";
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
