//! What clients say of media types, charsets and persisted queries, and what they get.

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::endpoint::{self, RESPONSE_JSON, send};
use crate::support::{PASSWORD, TestServer};

const JSON: &str = "application/json; charset=utf-8";
const OWN: &str = "application/graphql-response+json; charset=utf-8";
const EVENTS: &str = "text/event-stream";

/// What urql sends with every query and mutation.
const URQL: &str = "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed";

struct Answer {
    status: u16,
    content_type: String,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    /// The response, which in an event stream is the only one.
    fn json(&self) -> Value {
        let text = match self.content_type.as_str() {
            EVENTS => {
                let (event, end) = self.text.split_once("\n\n").unwrap();
                assert_eq!(end, "event: complete\ndata: \n\n");
                event.strip_prefix("event: next\ndata: ").unwrap()
            }
            _ => &self.text,
        };
        serde_json::from_str(text).unwrap()
    }

    fn error(&self) -> Value {
        self.json()["errors"][0].clone()
    }
}

async fn post(server: &TestServer, headers: &[(&str, &[u8])], body: impl AsRef<[u8]>) -> Answer {
    let mut request = server
        .anonymous()
        .http
        .post(format!("{}/graphql", server.url))
        .body(body.as_ref().to_vec());
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
    }
    read(request).await
}

async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let content_type = response.headers().get(CONTENT_TYPE);
    Answer {
        status: response.status().as_u16(),
        content_type: content_type.map_or(String::new(), |v| v.to_str().unwrap().to_owned()),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

async fn accepting(server: &TestServer, accept: &[&[u8]], body: &Value) -> Answer {
    let mut headers: Vec<(&str, &[u8])> = vec![("content-type", b"application/json")];
    headers.extend(accept.iter().map(|value| (ACCEPT.as_str(), *value)));
    post(server, &headers, body.to_string()).await
}

#[tokio::test]
async fn weights_decide_which_media_type_a_query_is_answered_in() {
    let server = TestServer::start().await;
    let query = json!({ "query": "{ __typename }" });
    let cases: &[(&[&str], &str)] = &[
        (&[URQL], OWN),
        // Apollo Client, Relay's documentation, Apollo Kotlin, a browser's and curl's default.
        (
            &["application/graphql-response+json,application/json;q=0.9"],
            OWN,
        ),
        (
            &["application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"],
            OWN,
        ),
        (
            &[
                "multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json",
            ],
            OWN,
        ),
        (&["*/*"], JSON),
        // The order is no preference; weights are.
        (
            &["application/json, application/graphql-response+json"],
            OWN,
        ),
        (
            &["application/graphql-response+json;q=0.5, application/json;q=0.8"],
            JSON,
        ),
        (
            &["application/graphql-response+json;Q=0.2, application/json; q=0.1"],
            OWN,
        ),
        (&["application/json;q=0.001, text/event-stream"], JSON),
        (&["text/event-stream, application/json"], JSON),
        (&["text/event-stream;q=1.0, */*;q=0.1"], JSON),
        // The most specific range counts.
        (&["*/*;q=0.1, application/json;q=0"], OWN),
        (
            &["application/*, application/graphql-response+json;q=0"],
            JSON,
        ),
        (&["application/json;q=0.4, application/*;q=0.5"], OWN),
        // Several headers are one.
        (
            &[
                "text/html",
                "application/json;q=0.3",
                "application/graphql-response+json",
            ],
            OWN,
        ),
        (&["text/event-stream", "application/json"], JSON),
        (&["APPLICATION/JSON"], JSON),
        (&["application/json;profile=\"a,b;q=0\", text/html"], JSON),
        (
            &["text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"],
            JSON,
        ),
        // What cannot be read is passed over, and alone it is as good as nothing.
        (&["rubbish, application/graphql-response+json"], OWN),
        (
            &["application/json;q=much, application/graphql-response+json;q=0.1"],
            OWN,
        ),
        (&[""], JSON),
        (&[",,"], JSON),
        (&["rubbish"], JSON),
        // Streams are for those who accept nothing else.
        (&["text/event-stream"], EVENTS),
        (&["Text/Event-Stream; charset=utf-8"], EVENTS),
        (&["text/event-stream, multipart/mixed"], EVENTS),
        (&["text/event-stream, application/json;q=0"], EVENTS),
    ];
    for (accept, expected) in cases {
        let bytes: Vec<&[u8]> = accept.iter().map(|value| value.as_bytes()).collect();
        let answer = accepting(&server, &bytes, &query).await;
        assert_eq!(answer.status, 200, "{accept:?}");
        assert_eq!(answer.content_type, *expected, "{accept:?}");
        assert_eq!(answer.json(), json!({ "data": { "__typename": "Query" } }));
    }
    let answer = accepting(&server, &[b"caf\xe9/\xff, application/json"], &query).await;
    assert_eq!((answer.status, answer.content_type.as_str()), (200, JSON));
    for accept in [
        "text/html",
        "multipart/mixed",
        "application/json;q=0",
        "*/*;q=0",
        "text/event-stream;q=0",
        "application/json;q=0, text/event-stream;q=0.0",
    ] {
        let answer = accepting(&server, &[accept.as_bytes()], &query).await;
        assert_eq!(answer.status, 406, "{accept}");
        let message = answer.error()["message"].to_string();
        assert!(message.contains("application/json"), "{message}");
    }
}

/// A stream brings no headers after its first event, so what a mutation says in headers must stand
/// before it.
#[tokio::test]
async fn a_mutation_is_executed_whatever_is_accepted() {
    let server = TestServer::start().await;
    server.administrator().await;
    let sign_in = |password: &str| {
        json!({
            "query": "mutation SignIn($input: SignInInput!) { signIn(input: $input) { token userErrors { code } } }",
            "variables": { "input": { "email": "admin@example.com", "password": password } },
        })
    };
    for (accept, content_type) in [(URQL, OWN), (EVENTS, EVENTS), ("*/*", JSON)] {
        let answer = accepting(&server, &[accept.as_bytes()], &sign_in(PASSWORD)).await;
        assert_eq!((answer.status, &*answer.content_type), (200, content_type));
        let payload = &answer.json()["data"]["signIn"];
        let cookie = answer.headers["set-cookie"].to_str().unwrap();
        assert!(cookie.contains(payload["token"].as_str().unwrap()));
    }
    let mut last = accepting(&server, &[EVENTS.as_bytes()], &sign_in("wrong")).await;
    for _ in 0..10 {
        last = accepting(&server, &[EVENTS.as_bytes()], &sign_in("wrong")).await;
    }
    let code = &last.json()["data"]["signIn"]["userErrors"][0]["code"];
    assert_eq!(*code, "TOO_MANY_ATTEMPTS");
    assert!(last.headers.contains_key("retry-after"));
    // What is wrong with the document is told in the stream, as the protocol wants it.
    for document in [
        "{",
        "{ nothing }",
        "query A { __typename } query B { __typename }",
    ] {
        let answer = accepting(&server, &[EVENTS.as_bytes()], &json!({ "query": document })).await;
        assert_eq!((answer.status, &*answer.content_type), (200, EVENTS));
        assert_eq!(answer.error()["extensions"]["code"], "BAD_REQUEST");
    }
    // What is no request is not.
    let answer = accepting(&server, &[EVENTS.as_bytes()], &json!({})).await;
    assert_eq!((answer.status, &*answer.content_type), (400, JSON));
}

#[tokio::test]
async fn a_subscription_is_streamed_or_says_how_it_is_sent() {
    let server = TestServer::start().await;
    // Nobody is signed in: the stream has one event and ends.
    let document = "subscription Watch { emailChanged { email { status } } }";
    let body = json!({ "query": document });
    for accept in [
        EVENTS,
        "text/event-stream, multipart/mixed",
        "application/json, text/event-stream;q=0.1",
        URQL,
    ] {
        let answer = accepting(&server, &[accept.as_bytes()], &body).await;
        assert_eq!((answer.status, &*answer.content_type), (200, EVENTS));
        assert!(answer.text.contains("UNAUTHENTICATED"), "{}", answer.text);
    }
    let refused = |answer: &Answer| {
        let error = answer.error();
        assert_eq!(error["extensions"]["code"], "BAD_REQUEST");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("text/event-stream"), "{message}");
        assert!(message.contains("graphql-transport-ws"), "{message}");
    };
    for (accept, status) in [
        ("application/json", 200),
        ("*/*", 200),
        ("application/json, text/event-stream;q=0", 200),
        ("application/graphql-response+json", 400),
    ] {
        let answer = accepting(&server, &[accept.as_bytes()], &body).await;
        assert_eq!(answer.status, status, "{accept}");
        refused(&answer);
    }
    // A batch holds none, and is not streamed.
    let batch = json!([{ "query": "{ __typename }" }, body]);
    let answer = accepting(&server, &[URQL.as_bytes()], &batch).await;
    assert_eq!((answer.status, &*answer.content_type), (200, OWN));
    assert_eq!(answer.json()[0]["data"]["__typename"], "Query");
    let message = answer.json()[1]["errors"][0]["message"].to_string();
    assert!(message.contains("text/event-stream"), "{message}");
    let answer = accepting(&server, &[EVENTS.as_bytes()], &batch).await;
    assert_eq!(answer.status, 406);
    // A browser's EventSource sends GET.
    let get = |accept: &str, document: &str| {
        let http = server.anonymous().http;
        let url = format!("{}/graphql", server.url);
        http.get(url)
            .query(&[("query", document)])
            .header("accept", accept)
    };
    let answer = read(get(EVENTS, document)).await;
    assert_eq!((answer.status, &*answer.content_type), (200, EVENTS));
    assert!(answer.text.contains("UNAUTHENTICATED"));
    refused(&read(get("*/*", document)).await);
    let mutation = "mutation { signOut { userErrors { code } } }";
    assert_eq!(read(get(EVENTS, mutation)).await.status, 405);
}

#[tokio::test]
async fn json_is_utf_8_whatever_it_says() {
    let server = TestServer::start().await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    for content_type in [
        "application/json",
        "application/json;",
        "application/json; charset=utf8",
        "application/json;charset=\"utf-8\"",
        "application/json; charset = UTF-8",
        "application/json;charset='utf-8'",
        "APPLICATION/JSON; CHARSET=UTF8",
        "application/json; charset=",
        "application/json; charset",
        "application/json;;charset=utf-8;",
        "application/json; profile=\"x\"; charset=us-ascii",
    ] {
        let headers: [(&str, &[u8]); 1] = [("content-type", content_type.as_bytes())];
        let answer = post(&server, &headers, &body).await;
        assert_eq!(answer.status, 200, "{content_type}");
    }
    for (name, value, hint) in [
        ("content-type", "application/json; charset=utf-16", "UTF-8"),
        ("content-type", "application/json; charset=latin1", "UTF-8"),
        ("content-type", "application/jsonp", "application/json"),
        ("content-encoding", "gzip", "Content-Encoding"),
        ("content-encoding", "br", "Content-Encoding"),
    ] {
        let mut headers: Vec<(&str, &[u8])> = vec![(name, value.as_bytes())];
        if name != "content-type" {
            headers.push(("content-type", b"application/json"));
        }
        let answer = post(&server, &headers, &body).await;
        assert_eq!(answer.status, 415, "{value}");
        let message = answer.error()["message"].to_string();
        assert!(message.contains(hint), "{message}");
    }
    // A byte order mark, alone and before a batch.
    for body in [body.clone(), format!("[{body}]")] {
        let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
        let marked = [b"\xEF\xBB\xBF", body.as_bytes()].concat();
        assert_eq!(post(&server, &headers, marked).await.status, 200);
    }
    let headers: [(&str, &[u8]); 2] = [
        ("content-type", b"application/json"),
        ("content-encoding", b"identity"),
    ];
    assert_eq!(post(&server, &headers, &body).await.status, 200);
}

/// By this error, and by no other, Apollo Client, urql and Apollo Kotlin send the query itself.
#[tokio::test]
async fn clients_with_persisted_queries_are_told_to_send_the_query() {
    let server = TestServer::start().await;
    let digest = json!({ "persistedQuery": { "version": 1, "sha256Hash": "ab".repeat(32) } });
    let unsupported = |answer: &Value| {
        let error = &answer["errors"][0];
        assert_eq!(error["message"], "PersistedQueryNotSupported", "{answer}");
        let code = &error["extensions"]["code"];
        assert_eq!(*code, "PERSISTED_QUERY_NOT_SUPPORTED");
    };
    let without = json!({ "operationName": "A", "variables": {}, "extensions": digest });
    for body in [
        without.clone(),
        json!({ "query": null, "extensions": digest }),
        json!({ "query": "", "extensions": digest }),
        json!({ "documentId": format!("sha256:{}", "ab".repeat(32)) }),
    ] {
        for (accept, status) in [("*/*", 200), (URQL, 400), (EVENTS, 200)] {
            let answer = accepting(&server, &[accept.as_bytes()], &body).await;
            assert_eq!(answer.status, status, "{body} {accept}");
            unsupported(&answer.json());
        }
    }
    let with = json!({ "query": "query A { __typename }", "extensions": digest });
    let batch = json!([without, with]);
    let answer = accepting(&server, &[b"application/json"], &batch).await;
    assert_eq!(answer.status, 200);
    unsupported(&answer.json()[0]);
    assert_eq!(answer.json()[1]["data"]["__typename"], "Query");
    let get = |query: &[(&str, &str)]| {
        let url = format!("{}/graphql", server.url);
        server.anonymous().http.get(url).query(query)
    };
    let digest = digest.to_string();
    let answer = read(get(&[("extensions", &digest), ("variables", "{}")])).await;
    assert_eq!(answer.status, 200);
    unsupported(&answer.json());
    let answer = read(get(&[("extensions", &digest), ("query", "{ __typename }")])).await;
    assert_eq!(answer.json()["data"]["__typename"], "Query");
    // Other extensions stand in for nothing.
    let body = json!({ "extensions": { "tracing": true } });
    let answer = accepting(&server, &[b"*/*"], &body).await;
    assert_eq!(answer.status, 400);
    let message = answer.error()["message"].to_string();
    assert!(message.contains("`query`"), "{message}");
}

#[tokio::test]
async fn the_media_type_is_negotiated() {
    let server = TestServer::start().await;
    let body = r#"{"query":"{ __typename }"}"#;
    for (accept, expected) in [
        ("*/*", "application/json; charset=utf-8"),
        ("application/json", "application/json; charset=utf-8"),
        (
            RESPONSE_JSON,
            "application/graphql-response+json; charset=utf-8",
        ),
        (
            "application/json;q=0.9, application/graphql-response+json",
            "application/graphql-response+json; charset=utf-8",
        ),
        (
            "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
            "application/graphql-response+json; charset=utf-8",
        ),
    ] {
        let answer = send(
            &server,
            Method::POST,
            &[],
            &[endpoint::JSON, ("accept", accept)],
            body,
        )
        .await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["content-type"], expected, "{accept}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    let answer = send(
        &server,
        Method::POST,
        &[],
        &[endpoint::JSON, ("accept", "text/xml")],
        body,
    )
    .await;
    assert_eq!(answer.status, 406);
}
