//! Pages of other origins: what they may send, which are allowed, and what an operator is told.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;
use tempfile::tempdir;

use crate::support::{Binary, TestServer};

const ALLOWED: &str = "https://app.example.com";

async fn preflight(server: &TestServer, origin: &str, headers: &[(&str, &str)]) -> HeaderMap {
    let mut request = server
        .anonymous()
        .http
        .request(Method::OPTIONS, format!("{}/graphql", server.url))
        .header("origin", origin)
        .header("access-control-request-method", "POST");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().headers().clone()
}

fn list(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter();
    let values: Vec<&str> = values.map(|value| value.to_str().unwrap()).collect();
    values.join(", ")
}

#[tokio::test]
async fn allowed_pages_send_the_headers_that_their_libraries_add() {
    let server =
        TestServer::start_with(&["server.allowed_origins=[\"https://app.example.com\"]"]).await;
    let asked = "access-control-request-headers";
    let long = vec!["x-a"; 600].join(",");
    for (names, granted) in [
        (
            "authorization,baggage,content-type,sentry-trace",
            "authorization,baggage,content-type,sentry-trace",
        ),
        (
            "traceparent, tracestate, apollo-require-preflight, apollographql-client-name, x-request-id",
            "traceparent, tracestate, apollo-require-preflight, apollographql-client-name, x-request-id",
        ),
        ("X-Requested-With", "X-Requested-With"),
        // What is no list of names, or an endless one, is not repeated.
        ("a b", "authorization, content-type"),
        ("x;y", "authorization, content-type"),
        ("", "authorization, content-type"),
        (&long, "authorization, content-type"),
    ] {
        let headers = preflight(&server, ALLOWED, &[(asked, names)]).await;
        assert_eq!(list(&headers, "access-control-allow-headers"), granted);
        assert_eq!(list(&headers, "access-control-allow-origin"), ALLOWED);
        assert_eq!(list(&headers, "access-control-max-age"), "600");
        let vary = list(&headers, "vary");
        assert!(vary.contains("origin") && vary.contains(asked), "{vary}");
        assert!(!headers.contains_key("access-control-allow-private-network"));
    }
    let private = ("access-control-request-private-network", "true");
    let headers = preflight(&server, ALLOWED, &[private]).await;
    let granted = list(&headers, "access-control-allow-private-network");
    assert_eq!(granted, "true");
    let headers = preflight(
        &server,
        "https://evil.example",
        &[(asked, "baggage"), private],
    )
    .await;
    let granted = headers.keys().map(|name| name.as_str());
    assert!(
        !granted
            .into_iter()
            .any(|name| name.starts_with("access-control"))
    );
}

#[tokio::test]
async fn apps_in_a_web_view_are_allowed_by_their_origin() {
    let origins = [
        "capacitor://localhost",
        "tauri://localhost",
        "ionic://localhost",
        "app://obsidian.md",
        "chrome-extension://cjpalhdlnbpafiamejdnhcphjbkeiagm",
        "https://localhost",
    ];
    let setting = format!("server.allowed_origins={}", json!(origins));
    let server = TestServer::start_with(&[&setting]).await;
    let administrator = server.administrator().await;
    let token = administrator.token.as_deref().unwrap();
    let ask = async |origin: &str, (name, value): (&str, String)| {
        let request = server
            .anonymous()
            .http
            .post(format!("{}/graphql", server.url))
            .header("origin", origin)
            .header(name, value)
            .json(&json!({ "query": "{ viewer { email } }" }));
        let response = request.send().await.unwrap();
        let allowed = list(response.headers(), "access-control-allow-origin");
        (response.status().as_u16(), allowed)
    };
    for origin in origins {
        let headers = preflight(&server, origin, &[]).await;
        assert_eq!(list(&headers, "access-control-allow-origin"), origin);
        for header in [
            ("authorization", format!("Bearer {token}")),
            ("cookie", format!("usher_session={token}")),
        ] {
            assert_eq!(ask(origin, header).await, (200, origin.to_owned()));
        }
    }
    for origin in [
        "capacitor://localhost.evil",
        "capacitor://localhost:1",
        "file://",
        "null",
    ] {
        let cookie = ("cookie", format!("usher_session={token}"));
        assert_eq!(ask(origin, cookie).await, (403, String::new()), "{origin}");
    }
}

#[test]
fn an_operator_is_told_for_which_pages_browsers_keep_no_cookie() {
    let warned = |settings: &[&str]| {
        let folder = tempdir().unwrap();
        let log = Binary::start(folder.path(), settings).stop();
        log.lines()
            .filter(|line| line.contains("allowed_origins"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let other = warned(&[
        "server.public_url=http://127.0.0.1:8000",
        "server.allowed_origins=[\"http://localhost:5173\", \"http://127.0.0.1:5173\"]",
    ]);
    assert_eq!(other.len(), 1, "{other:#?}");
    for part in [
        "WARN",
        "http://localhost:5173",
        "call the server http://localhost:8000",
    ] {
        assert!(other[0].contains(part), "{other:#?}");
    }
    let same = warned(&[
        "server.public_url=https://people.example.com",
        "server.allowed_origins=[\"https://app.example.com\", \"https://example.com\"]",
    ]);
    assert_eq!(same, [""; 0]);
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_only_where_they_are_allowed() {
    let allowed = "https://app.example.com";
    let ask = async |server: &TestServer, method: Method, origin: &str| {
        let request = server
            .anonymous()
            .http
            .request(method, format!("{}/graphql", server.url))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .json(&json!({ "query": "{ __typename }" }));
        let answer = request.send().await.unwrap();
        let origin = answer.headers().get("access-control-allow-origin").cloned();
        let credentials = answer.headers().get("access-control-allow-credentials");
        assert_eq!(origin.is_some(), credentials.is_some());
        let origin = origin.map(|origin| origin.to_str().unwrap().to_owned());
        (answer.status().as_u16(), origin)
    };
    let server =
        TestServer::start_with(&["server.allowed_origins=[\"https://app.example.com\"]"]).await;
    let granted = Some(allowed.to_owned());
    assert_eq!(
        ask(&server, Method::OPTIONS, allowed).await,
        (204, granted.clone())
    );
    assert_eq!(ask(&server, Method::POST, allowed).await, (200, granted));
    for foreign in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
    ] {
        assert_eq!(ask(&server, Method::OPTIONS, foreign).await, (405, None));
        assert_eq!(ask(&server, Method::POST, foreign).await, (200, None));
    }
    // It is off by default.
    let server = TestServer::start().await;
    assert_eq!(ask(&server, Method::OPTIONS, allowed).await, (405, None));
}
