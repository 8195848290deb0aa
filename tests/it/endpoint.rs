//! The endpoint as HTTP sees it: methods, media types, status codes, and errors before execution.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestServer};

/// Sends a request to the endpoint.
pub async fn send(
    server: &TestServer,
    method: Method,
    query: &[(&str, &str)],
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Answer {
    let mut request = server
        .anonymous()
        .http
        .request(method, format!("{}/graphql", server.url))
        .query(query)
        .body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::read(request.send().await.unwrap()).await
}

/// The header without which no body is taken.
pub const JSON: (&str, &str) = ("content-type", "application/json");
pub const RESPONSE_JSON: &str = "application/graphql-response+json";

#[tokio::test]
async fn only_json_is_taken() {
    let server = TestServer::start().await;
    let body = r#"{"query":"{ __typename }"}"#;
    for (content_type, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("APPLICATION/JSON;charset=\"UTF-8\"", 200),
        ("application/json; charset=latin1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/graphql", 415),
    ] {
        let answer = send(
            &server,
            Method::POST,
            &[],
            &[("content-type", content_type)],
            body,
        )
        .await;
        assert_eq!(answer.status, status, "{content_type}");
        assert!(!answer.headers["x-request-id"].is_empty());
        if status == 415 {
            assert_eq!(answer.code(), "BAD_REQUEST");
            assert!(answer.message().contains("application/json"));
        }
    }
    let without = send(&server, Method::POST, &[], &[], body).await;
    assert_eq!(without.status, 415);
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_a_reason() {
    let server = TestServer::start().await;
    for body in [
        "",
        "{",
        "[]",
        "\"{ __typename }\"",
        "{}",
        r#"{"query":null}"#,
        r#"{"query":7}"#,
        r#"{"query":"{ __typename }","variables":7}"#,
        r#"{"query":"{ __typename }","variables":"{}"}"#,
        r#"{"query":"{ __typename }","operationName":7}"#,
        r#"{"query":"{ __typename }","extensions":[]}"#,
    ] {
        for accept in ["application/json", RESPONSE_JSON] {
            let answer = send(
                &server,
                Method::POST,
                &[],
                &[JSON, ("accept", accept)],
                body,
            )
            .await;
            assert_eq!(
                (answer.status, answer.code()),
                (400, "BAD_REQUEST"),
                "{body}"
            );
            assert!(answer.body.get("data").is_none());
        }
    }
    for body in [
        r#"{"query":"{ __typename }","variables":null,"operationName":null,"extensions":null}"#,
        r#"{"query":"{ __typename }","variables":{},"extensions":{"a":1}}"#,
    ] {
        let answer = send(&server, Method::POST, &[], &[JSON], body).await;
        assert_eq!(*answer.data(), json!({ "__typename": "Query" }));
    }
}

#[tokio::test]
async fn a_variable_of_a_type_that_is_not_there_is_the_callers_mistake() {
    let server = TestServer::start().await;
    for of in ["Nothing", "[Nothing!]", "[[Nothing]]"] {
        let query = format!("query($of: {of} = [\"x\"]) {{ __typename }}");
        let body = json!({ "query": query }).to_string();
        let accept = ("accept", RESPONSE_JSON);
        let answer = send(&server, Method::POST, &[], &[JSON, accept], body).await;
        assert_eq!((answer.status, answer.code()), (400, "BAD_REQUEST"), "{of}");
        assert!(answer.message().contains("Nothing"), "{}", answer.body);
    }
}

#[tokio::test]
async fn the_status_tells_by_graphqls_own_media_type_whether_it_was_executed() {
    let server = TestServer::start().await;
    for (query, executed) in [
        ("{ __typename }", true),
        ("{ users { totalCount } }", true),
        ("{", false),
        ("{ nothing }", false),
        ("query($a: Int!) { users(first: $a) { totalCount } }", false),
        ("query A { __typename } query B { __typename }", false),
    ] {
        let body = json!({ "query": query }).to_string();
        let answer = send(
            &server,
            Method::POST,
            &[],
            &[JSON, ("accept", RESPONSE_JSON)],
            body.clone(),
        )
        .await;
        assert_eq!(answer.status, if executed { 200 } else { 400 }, "{query}");
        assert_eq!(answer.body.get("data").is_some(), executed, "{query}");
        let errors = answer.body["errors"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for error in errors {
            assert!(error["extensions"]["code"].is_string(), "{error}");
        }
        // By plain JSON, what could be parsed is answered with 200 and says the same.
        let plain = send(&server, Method::POST, &[], &[JSON], body).await;
        assert_eq!(plain.body, answer.body);
    }
}

#[tokio::test]
async fn a_query_can_be_sent_by_get_and_a_mutation_cannot() {
    let server = TestServer::start().await;
    let get = async |query: &[(&str, &str)]| send(&server, Method::GET, query, &[], "").await;
    let answer = get(&[("query", "{ passwordPolicy { minLength } }")]).await;
    assert_eq!(answer.data()["passwordPolicy"]["minLength"], 12);
    let answer = get(&[
        (
            "query",
            "query A { __typename } query B($t: String!) { invitationByToken(token: $t) { email } }",
        ),
        ("operationName", "B"),
        ("variables", "{\"t\":\"x\"}"),
    ])
    .await;
    assert_eq!(answer.data()["invitationByToken"], Value::Null);

    let mutation = "mutation { signOut { userErrors { code } } }";
    let both = format!(
        "query A {{ __typename }} {}",
        mutation.replace("mutation", "mutation B")
    );
    // An operation that has a name is meant, too, where it is the only one.
    let named = mutation.replace("mutation", "mutation M");
    let queries: [&[(&str, &str)]; 4] = [
        &[("query", mutation)],
        &[("query", &named)],
        &[("query", &named), ("operationName", "M")],
        &[("query", &both), ("operationName", "B")],
    ];
    for query in queries {
        let answer = get(query).await;
        assert_eq!((answer.status, answer.code()), (405, "BAD_REQUEST"));
        assert_eq!(answer.headers["allow"], "GET, POST");
    }
    for bad in [
        &[][..],
        &[("query", "")],
        &[("query", "{ __typename }"), ("variables", "[")],
    ] {
        assert_eq!(get(bad).await.status, 400, "{bad:?}");
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        assert_eq!(send(&server, method, &[], &[JSON], "{}").await.status, 405);
    }
}

#[tokio::test]
async fn what_clients_write_into_a_url_is_read() {
    let server = TestServer::start().await;
    let http = server.anonymous().http;
    let query = "query%20A%7B__typename+%7D";
    for path in [
        format!("/graphql?query={query}"),
        format!("/graphql/?query={query}"),
        format!("/graphql?query={query}&variables=&operationName=&extensions="),
        format!("/graphql?query={query}&variables=null&extensions=null"),
        format!(
            "/graphql?variables=%7B%7D&operationName=A&query={query}&_=1795253400&utm_source=x"
        ),
        "/graphql?extensions=%7B%22a%22%3A1%7D&query=query+A%20%7B%0A%20__typename%20%7D"
            .to_owned(),
    ] {
        let url = format!("{}{path}", server.url);
        let answer = Answer::read(http.get(&url).send().await.unwrap()).await;
        assert_eq!(*answer.data(), json!({ "__typename": "Query" }), "{path}");
        // HEAD is GET without the body.
        let head = http.head(&url).send().await.unwrap();
        assert_eq!(head.status(), 200);
        assert_eq!(
            head.headers()["content-type"],
            answer.headers["content-type"]
        );
        assert_eq!(head.text().await.unwrap(), "");
    }
    for (path, sentence) in [
        (
            "/graphql?query=%7Ba%7D&query=%7Bb%7D",
            "`query` more than once",
        ),
        (
            "/graphql?query=%7Ba%7D&variables=%5B%5D",
            "`variables` is not",
        ),
        ("/graphql?query=%7Ba%7D&variables=x", "`variables` is not"),
        ("/graphql?query=%7Ba%7D&extensions=7", "`extensions` is not"),
        ("/graphql?q=%7Ba%7D", "no `query`"),
    ] {
        let url = format!("{}{path}", server.url);
        let answer = Answer::read(http.get(&url).send().await.unwrap()).await;
        assert_eq!((answer.status, answer.code()), (400, "BAD_REQUEST"));
        assert!(answer.message().contains(sentence), "{}", answer.message());
    }
    let mutation = format!(
        "{}/graphql?query=mutation%7BsignOut%7BuserErrors%7Bcode%7D%7D%7D",
        server.url
    );
    assert_eq!(http.head(&mutation).send().await.unwrap().status(), 405);
    let by_post = http.post(format!("{}/graphql/", server.url));
    let by_post = by_post.json(&json!({ "query": "{ __typename }" }));
    assert_eq!(by_post.send().await.unwrap().status(), 200);
    let options = http.request(Method::OPTIONS, format!("{}/graphql", server.url));
    let options = options.send().await.unwrap();
    assert_eq!(options.status(), 405);
    assert_eq!(options.headers()["allow"], "GET, POST");
}

#[tokio::test]
async fn what_clients_write_into_a_body_is_read() {
    let server = TestServer::start().await;
    for body in [
        r#"{"query":"query A { __typename }","operationName":"","variables":null}"#,
        r#"{"query":"query A { __typename }","operationName":null,"extensions":null,"id":null}"#,
        r#"{"query":"query A { __typename }","operationName":"A","key":"x","clientVersion":{}}"#,
        r#"{"query":"query A { __typename }","variables":{"a":12345678901234567890123}}"#,
        r#"{"query":"query A { __typename }","variables":{"unknown":1,"a":{"b":[]}}}"#,
        " \n\t{\"query\":\"\u{feff}{ __typename }\"}\r\n",
    ] {
        let answer = send(&server, Method::POST, &[], &[JSON], body).await;
        assert_eq!(
            answer.body["data"]["__typename"], "Query",
            "{body} {}",
            answer.body
        );
    }
    for (body, sentence) in [
        (
            r#"{"query":"{ __typename }","query":"{ a }"}"#,
            "duplicate field `query`",
        ),
        (
            r#"{"query":"{ __typename }","variables":{"a":1e999}}"#,
            "number out of range",
        ),
        (
            r#"{"query":"query A { __typename }","operationName":"B"}"#,
            "`operationName`",
        ),
        (
            r#"{"query":"{ __typename }","operationName":"B"}"#,
            "`operationName`",
        ),
        (
            r#"{"query":"query A { __typename } query B { __typename }"}"#,
            "`operationName`",
        ),
        (r#"{"id":"abc","doc_id":"7"}"#, "no `query`"),
        (r#"query { __typename }"#, "expected value"),
    ] {
        let answer = send(&server, Method::POST, &[], &[JSON], body).await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{body}");
        assert!(answer.message().contains(sentence), "{}", answer.message());
    }
}

/// Security rule 17.
#[tokio::test]
async fn errors_do_not_echo_the_request() {
    let server = TestServer::start().await;
    let long = "x".repeat(5_000);
    for query in [
        format!("{{ {long} }}"),
        format!("{{ passwordPolicy {{ minLength {long}"),
        format!("query($a: {long}) {{ __typename }}"),
        format!("{{ invitationByToken(token: {long}) {{ email }} }}"),
    ] {
        let answer = server.anonymous().run(&query).await;
        assert!(["BAD_REQUEST", "LIMIT_EXCEEDED"].contains(&answer.code()));
        assert!(
            answer.message().chars().count() <= 201,
            "{}",
            answer.message()
        );
    }
    let query: String = (0..150)
        .map(|index| format!("a{index}: nothing "))
        .collect();
    let answer = server.anonymous().run(&format!("{{ {query} }}")).await;
    assert!(answer.body["errors"].as_array().unwrap().len() <= 100);
}
