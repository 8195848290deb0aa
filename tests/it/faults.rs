//! What a fault in the server means to whoever asks: resolvers that panic or never answer, behind
//! the real endpoint.

use std::future::pending;

use async_graphql::{EmptyMutation, Object, Schema, Subscription};
use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{EndpointExt, Route};
use serde_json::{Value, json};
use usher::http::{AllowedOrigins, GraphqlEndpoint, Identification, TrustedProxies};

use crate::support::{Client, Socket, TestServer, within};

struct FaultyQuery;

#[Object]
impl FaultyQuery {
    async fn panics(&self) -> i32 {
        "".parse().expect("the secret state of the server")
    }

    async fn hangs(&self) -> i32 {
        pending().await
    }
}

struct FaultySubscription;

#[Subscription]
impl FaultySubscription {
    async fn panics(&self) -> impl Stream<Item = i32> {
        stream::iter(["1", ""]).map(|text| text.parse().expect("the secret state of the server"))
    }
}

/// The server's endpoint with a faulty schema, on an address of its own.
async fn faulty(server: &TestServer) -> Client {
    let app = server.server.app.clone();
    let proxies = TrustedProxies::new(&app.settings.server.trusted_proxies).unwrap();
    let origins = AllowedOrigins::new(&app.settings.server).unwrap();
    let schema = Schema::build(FaultyQuery, EmptyMutation, FaultySubscription).finish();
    let identification = Identification::new(app.clone(), proxies, origins);
    let endpoint = GraphqlEndpoint::new(schema, app.clone(), identification);
    let routes = Route::new().at("/graphql", endpoint).data(app);
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await;
    let acceptor = acceptor.unwrap();
    let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
    tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(routes));
    Client::anonymous(format!("http://{address}"))
}

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

/// Security rule 20.
#[tokio::test]
async fn a_resolver_that_panics_is_an_internal_error_of_one_caller() {
    let server = TestServer::start().await;
    let client = faulty(&server).await;
    let others = async || {
        let answer = client.run("{ __typename }").await;
        assert_eq!(answer.data()["__typename"], "FaultyQuery");
    };
    let (answer, ()) = tokio::join!(client.run("{ panics }"), others());
    assert_eq!((answer.status, answer.code()), (200, "INTERNAL"));
    assert!(!answer.body.to_string().contains("secret"), "{answer:?}");

    let mut events = client.subscribe("subscription { panics }", json!({})).await;
    assert_eq!(events.next().await.unwrap()["data"]["panics"], 1);
    assert_eq!(code(&events.next().await.unwrap()), "INTERNAL");

    let mut socket = Socket::initialised(&client.url, Value::Null).await;
    let answer = socket.answer("1", "{ panics }", json!({})).await;
    assert_eq!(code(&answer), "INTERNAL");
    // The connection goes on.
    let answer = socket.answer("2", "{ __typename }", json!({})).await;
    assert_eq!(answer["data"]["__typename"], "FaultyQuery");
    others().await;
}

/// Security rule 16: the time for one request, whichever way it came.
#[tokio::test]
async fn a_query_that_never_answers_is_aborted() {
    let server =
        TestServer::start_with(&["graphql.timeout=100ms", "metrics.bind=127.0.0.1:0"]).await;
    let client = faulty(&server).await;
    let answer = client.run("{ hangs }").await;
    assert_eq!((answer.status, answer.code()), (503, "LIMIT_EXCEEDED"));
    let streamed = client
        .http
        .post(format!("{}/graphql", client.url))
        .header("Accept", "text/event-stream")
        .json(&json!({ "query": "{ hangs }" }));
    let streamed = streamed.send().await.unwrap();
    assert_eq!(streamed.status(), 503);
    assert!(streamed.text().await.unwrap().contains("LIMIT_EXCEEDED"));
    let mut socket = Socket::initialised(&client.url, Value::Null).await;
    let answer = socket.answer("1", "{ hangs }", json!({})).await;
    assert_eq!(code(&answer), "LIMIT_EXCEEDED");

    let address = server.server.metrics_address.unwrap();
    let counted = async |line: &str| {
        let metrics = client.http.get(format!("http://{address}/metrics"));
        let metrics = metrics.send().await.unwrap().text().await.unwrap();
        metrics.contains(line)
    };
    let of_queries = "usher_graphql_operations_total{operation=\"query\",outcome=";
    assert!(counted(&format!("{of_queries}\"timed_out\"}} 3\n")).await);
    // What its client gives up on the same WebSocket has not timed out.
    let none = format!("{of_queries}\"aborted\"}} 0\n");
    within("one that was given up", async {
        while counted(&none).await {
            socket.subscribe("2", "{ hangs }", json!({})).await;
            socket.say(json!({ "id": "2", "type": "complete" })).await;
        }
    })
    .await;
}
