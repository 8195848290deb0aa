//! Signing in and out, by bearer token and by cookie, and how sessions end.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use crate::endpoint::{JSON, send};
use crate::support::{Answer, Client, PASSWORD, TestServer, ids};

pub const ADMINISTRATOR: &str = "admin@example.com";

const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) {
    token session { id isCurrent userAgent ipAddress expiresAt }
    user { email applications { code viewerPermissions } } userErrors { code field message }
} }";

/// What signing in is answered with.
pub async fn sign_in(server: &TestServer, email: &str, password: &str) -> Value {
    let input = json!({ "email": email, "password": password });
    server
        .anonymous()
        .mutate("signIn", input, "token session { id }")
        .await
}

/// Somebody who has signed in.
pub async fn signed_in(server: &TestServer, email: &str, password: &str) -> Client {
    let payload = sign_in(server, email, password).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    let anonymous = server.anonymous();
    anonymous.with_token(payload["token"].as_str().unwrap())
}

/// Whether the client's token is of any use.
pub async fn is_signed_in(client: &Client) -> bool {
    client.run("{ viewer { id } }").await.data()["viewer"].is_object()
}

#[tokio::test]
async fn a_bearer_token_works_until_signed_out() {
    let server = TestServer::start().await;
    server.administrator().await;
    let anonymous = server.anonymous();
    let input = json!({ "input": { "email": " ADMIN@example.com", "password": PASSWORD } });
    let answer = anonymous.run_with(SIGN_IN, input).await;
    let payload = &answer.data()["signIn"];
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(payload["session"]["isCurrent"], true);
    assert_eq!(payload["session"]["ipAddress"], "127.0.0.1");
    assert_eq!(payload["user"]["email"], "admin@example.com");
    let client = anonymous.with_token(payload["token"].as_str().unwrap());

    let sessions = client.run("{ sessions { id isCurrent } }").await;
    let sessions = &sessions.data()["sessions"];
    assert_eq!(
        *sessions,
        json!([
            { "id": payload["session"]["id"], "isCurrent": true },
            { "id": sessions[1]["id"], "isCurrent": false },
        ])
    );
    let answer = client
        .run("mutation { signOut { userErrors { code } } }")
        .await;
    assert_eq!(answer.data()["signOut"]["userErrors"], json!([]));
    let answer = client
        .run("{ viewer { id } passwordPolicy { minLength } }")
        .await;
    assert_eq!(
        *answer.data(),
        json!({ "viewer": null, "passwordPolicy": { "minLength": 12 } })
    );
    assert_eq!(
        client.run("{ sessions { id } }").await.code(),
        "UNAUTHENTICATED"
    );
    // There is nothing left to end, which is what was wanted.
    let again = client
        .run("mutation { signOut { userErrors { code } } }")
        .await;
    assert_eq!(again.data()["signOut"]["userErrors"], json!([]));
}

/// Security rule 4: whatever a client writes before it, what a trusted proxy has appended counts.
#[tokio::test]
async fn a_client_behind_a_proxy_cannot_hide_its_address() {
    let server = TestServer::start_with(&["server.trusted_proxies=[\"127.0.0.1\"]"]).await;
    server.administrator().await;
    let input = json!({ "email": "admin@example.com", "password": PASSWORD });
    for forwarded in [
        &b"203.0.113.9"[..],
        b"\xff\xfe, 203.0.113.9",
        b"M\xfcnchen,203.0.113.9",
        b"198.51.100.1, 203.0.113.9",
    ] {
        let request = server
            .anonymous()
            .http
            .post(format!("{}/graphql", server.url))
            .header(
                "x-forwarded-for",
                HeaderValue::from_bytes(forwarded).unwrap(),
            )
            .header(
                "user-agent",
                HeaderValue::from_bytes(b"Caf\xe9/1.0").unwrap(),
            )
            .json(&json!({ "query": SIGN_IN, "variables": { "input": input } }));
        let answer = Answer::read(request.send().await.unwrap()).await;
        let session = &answer.data()["signIn"]["session"];
        assert_eq!(session["ipAddress"], "203.0.113.9");
        assert_eq!(session["userAgent"], "Caf\u{fffd}/1.0");
    }
}

/// Security rule 3, but for the time that it takes, which a benchmark measures.
#[tokio::test]
async fn signing_in_fails_alike_whatever_the_reason() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    server
        .invite(&administrator, "invited@kbank.com", &role)
        .await;
    let deactivated = server
        .user_with(&administrator, "deactivated@kbank.com", &[])
        .await;
    let id = json!({ "id": deactivated.id });
    administrator.mutate("deactivateUser", id, "").await;
    let mut answers = Vec::new();
    for (email, password) in [
        ("deactivated@kbank.com", PASSWORD),
        ("admin@example.com", "wrong"),
        ("admin@example.com", ""),
        ("admin@example.com", &"x".repeat(2_000)),
        ("unknown@example.com", PASSWORD),
        ("invited@kbank.com", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
    ] {
        let input = json!({ "input": { "email": email, "password": password } });
        let answer = server.anonymous().run_with(SIGN_IN, input).await;
        assert_eq!(
            ids(&answer.data()["signIn"]["userErrors"]),
            ["INVALID_CREDENTIALS "]
        );
        assert!(answer.headers.get("set-cookie").is_none());
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        answers.push((answer.status, answer.body, names));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_slides_while_it_is() {
    let server = TestServer::start_with(&[
        "sessions.idle_timeout=10 days",
        "sessions.absolute_timeout=25 days",
    ])
    .await;
    let day = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    let client = server.administrator().await;
    let is_signed_in = async || client.run("{ viewer { id } }").await.data()["viewer"].is_object();
    for _ in 0..2 {
        server.advance(day(9));
        assert!(is_signed_in().await);
    }
    // Used all the time, it ends nevertheless.
    server.advance(day(6));
    assert!(is_signed_in().await);
    server.advance(day(1));
    assert!(!is_signed_in().await);

    let input = json!({ "input": { "email": "admin@example.com", "password": PASSWORD } });
    let answer = server.anonymous().run_with(SIGN_IN, input).await;
    let idle = client.with_token(answer.data()["signIn"]["token"].as_str().unwrap());
    server.advance(day(10));
    assert_eq!(
        *idle.run("{ viewer { id } }").await.data(),
        json!({ "viewer": null })
    );
}

async fn with_cookie(
    server: &TestServer,
    cookie: &str,
    origin: Option<&str>,
    document: &str,
) -> Answer {
    let client = server.anonymous();
    let mut request = client
        .http
        .post(format!("{}/graphql", server.url))
        .header("cookie", format!("theme=dark; {cookie}"))
        .json(&json!({ "query": document }));
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    Answer::read(request.send().await.unwrap()).await
}

async fn cookie_of(server: &TestServer) -> String {
    let input = json!({ "input": { "email": "admin@example.com", "password": PASSWORD } });
    let answer = server.anonymous().run_with(SIGN_IN, input).await;
    answer.data();
    answer.headers["set-cookie"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_cookie_signs_in_pages_of_the_servers_own_and_of_allowed_origins() {
    let server =
        TestServer::start_with(&["server.allowed_origins=[\"https://app.example.com\"]"]).await;
    server.administrator().await;
    let set = cookie_of(&server).await;
    assert!(
        set.ends_with("; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax"),
        "{set}"
    );
    let cookie = set.split(';').next().unwrap();
    let document = "{ viewer { email } }";
    for origin in [
        "http://127.0.0.1:8000",
        "http://localhost:8000",
        "https://app.example.com",
    ] {
        let answer = with_cookie(&server, cookie, Some(origin), document).await;
        assert_eq!(
            answer.data()["viewer"]["email"],
            "admin@example.com",
            "{origin}"
        );
    }
    for origin in [
        None,
        Some("null"),
        Some("https://evil.example"),
        Some("http://127.0.0.1:9000"),
        Some("https://app.example.com.evil.example"),
    ] {
        let answer = with_cookie(&server, cookie, origin, document).await;
        assert_eq!(
            (answer.status, answer.code()),
            (403, "FORBIDDEN"),
            "{origin:?}"
        );
    }
    // Browsers name no origin when a page reads from its own server; they say that it does so.
    for (site, status) in [
        ("same-origin", 200),
        ("none", 200),
        ("same-site", 403),
        ("cross-site", 403),
    ] {
        let client = server.anonymous();
        let request = client
            .http
            .get(format!("{}/graphql", server.url))
            .query(&[("query", document)])
            .header("cookie", cookie)
            .header("sec-fetch-site", site);
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{site}");
        let is_known = answer.body["data"]["viewer"]["email"] == "admin@example.com";
        assert_eq!(is_known, status == 200, "{site}");
    }
    // Signing out takes the cookie away, and the session with it.
    let sign_out = "mutation { signOut { userErrors { code } } }";
    let answer = with_cookie(&server, cookie, Some("http://127.0.0.1:8000"), sign_out).await;
    let cleared = answer.headers["set-cookie"].to_str().unwrap();
    assert!(
        cleared.starts_with("usher_session=; Path=/; Max-Age=0;"),
        "{cleared}"
    );
    let answer = with_cookie(&server, cookie, Some("http://127.0.0.1:8000"), document).await;
    assert_eq!(answer.data()["viewer"], Value::Null);
}

#[tokio::test]
async fn behind_https_the_cookie_is_secure_and_bound_to_the_host() {
    let server = TestServer::start_with(&["server.public_url=https://people.kbank.com"]).await;
    server.administrator().await;
    let set = cookie_of(&server).await;
    assert!(set.starts_with("__Host-usher_session="), "{set}");
    assert!(set.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{set}");
}

#[tokio::test]
async fn a_user_has_a_bounded_number_of_sessions() {
    let server = TestServer::start().await;
    let first = server.administrator().await;
    let input = json!({ "input": { "email": "admin@example.com", "password": PASSWORD } });
    let mut last = first.clone();
    for _ in 0..100 {
        let answer = server.anonymous().run_with(SIGN_IN, input.clone()).await;
        let token = answer.data()["signIn"]["token"].as_str().unwrap();
        last = first.with_token(token);
    }
    let answer = last.run("{ sessions { id } }").await;
    assert_eq!(answer.data()["sessions"].as_array().unwrap().len(), 100);
    let answer = first.run("{ viewer { id } }").await;
    assert_eq!(answer.data()["viewer"], Value::Null);
}

#[tokio::test]
async fn who_signs_in_is_known_to_the_rest_of_the_document() {
    let server = TestServer::start().await;
    server.administrator().await;
    let answer = server
        .anonymous()
        .run_with(
            "mutation($input: SignInInput!) {
                signIn(input: $input) { user { roles { name users { totalCount } } } }
                signOut { userErrors { code } }
                createRole(input: { name: \"Late\", permissions: [] }) { role { id } }
            }",
            json!({ "input": { "email": "admin@example.com", "password": PASSWORD } }),
        )
        .await;
    assert_eq!(answer.code(), "UNAUTHENTICATED");
    assert_eq!(answer.body["errors"][0]["path"], json!(["createRole"]));
}

/// Whoever signs in may do what their roles grant now, not what they granted when this server last
/// looked.
#[tokio::test]
async fn signing_in_goes_by_the_roles_as_they_are() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server
        .role(&administrator, "Clerk", &["users.delete"])
        .await;
    let (_, token) = server
        .invite(&administrator, "clerk@kbank.com", &role)
        .await;
    server.accept(&token).await;
    let victim = server
        .user_with(&administrator, "victim@kbank.com", &[])
        .await;
    let input = json!({ "id": role, "permissions": ["users.view"] });
    let payload = administrator.mutate("updateRole", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    let answer = server
        .anonymous()
        .run_with(
            "mutation($in: SignInInput!, $id: ID!) {
                signIn(input: $in) { user { permissions } }
                deleteUser(input: { id: $id }) { deletedId }
            }",
            json!({
                "in": { "email": "clerk@kbank.com", "password": PASSWORD },
                "id": victim.id
            }),
        )
        .await;
    assert_eq!(answer.code(), "FORBIDDEN");
    assert_eq!(answer.body["errors"][0]["path"], json!(["deleteUser"]));
}

#[tokio::test]
async fn sessions_are_ended_one_by_one_or_all_but_this() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    let payload = sign_in(&server, ADMINISTRATOR, PASSWORD).await;
    let other = payload["session"]["id"].clone();
    let revoke = async |client: &Client, id: &Value| {
        let payload = client
            .mutate("revokeSession", json!({ "id": id }), "revokedId")
            .await;
        (payload["revokedId"].clone(), ids(&payload["userErrors"]))
    };
    // Somebody else's goes on, and whether it does is not told.
    assert_eq!(revoke(&laura, &other).await, (other.clone(), Vec::new()));
    let sessions = administrator.run("{ sessions { id } }").await;
    assert!(sessions.body.to_string().contains(other.as_str().unwrap()));
    for _ in 0..2 {
        assert_eq!(
            revoke(&administrator, &other).await,
            (other.clone(), Vec::new())
        );
    }
    let sessions = administrator.run("{ sessions { id } }").await;
    assert!(!sessions.body.to_string().contains(other.as_str().unwrap()));
    let recorded = "{ events(filter: { actions: [SESSION_REVOKED] }) { totalCount } }";
    let recorded = administrator.run(recorded).await;
    assert_eq!(recorded.data()["events"]["totalCount"], 1);
    let client = server
        .anonymous()
        .with_token(payload["token"].as_str().unwrap());
    assert!(!is_signed_in(&client).await);

    let more = [
        signed_in(&server, ADMINISTRATOR, PASSWORD).await,
        signed_in(&server, ADMINISTRATOR, PASSWORD).await,
    ];
    let answer = administrator
        .run("mutation { revokeOtherSessions { count userErrors { code } } }")
        .await;
    assert_eq!(answer.data()["revokeOtherSessions"]["count"], 2);
    for client in &more {
        assert!(!is_signed_in(client).await);
    }
    assert!(is_signed_in(&administrator).await);
    assert!(is_signed_in(&laura).await);
}

#[tokio::test]
async fn a_session_that_is_not_kept_ends_with_the_browser_and_sooner() {
    let server = TestServer::start().await;
    server.administrator().await;
    let input = json!({ "email": ADMINISTRATOR, "password": PASSWORD, "keepSignedIn": false });
    let answer = server
        .anonymous()
        .run_with(
            "mutation($input: SignInInput!) { signIn(input: $input) { token } }",
            json!({ "input": input }),
        )
        .await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(!cookie.contains("Max-Age"), "{cookie}");
    let client = server
        .anonymous()
        .with_token(answer.data()["signIn"]["token"].as_str().unwrap());
    let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
    server.advance(hours(11));
    assert!(is_signed_in(&client).await);
    server.advance(hours(11));
    assert!(is_signed_in(&client).await);
    server.advance(hours(12));
    assert!(!is_signed_in(&client).await);
}

/// An unknown or a malformed token makes the caller nobody, and no more than that.
#[tokio::test]
async fn a_token_that_is_nobodys_makes_the_caller_anonymous() {
    let server = TestServer::start().await;
    for authorization in [
        "Bearer rubbish",
        "Bearer ",
        "bearer",
        "Basic YTpi",
        "Bearer a b c",
    ] {
        let headers = [JSON, ("authorization", authorization)];
        let body = json!({ "query": "{ viewer { id } }" }).to_string();
        let answer = send(&server, Method::POST, &[], &headers, body).await;
        assert_eq!(*answer.data(), json!({ "viewer": null }), "{authorization}");
        let body = json!({ "query": "{ sessions { id } }" }).to_string();
        let answer = send(&server, Method::POST, &[], &headers, body).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{authorization}");
    }
}
