//! Changing and resetting passwords, and what must not work about either.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestServer, ids, link_in, token_in};

const NEW: &str = "brittle-lantern-58-canoe";
const ADMINISTRATOR: &str = "admin@example.com";

async fn sign_in(server: &TestServer, email: &str, password: &str) -> Value {
    let input = json!({ "email": email, "password": password });
    server
        .anonymous()
        .mutate("signIn", input, "token session { id }")
        .await
}

async fn signed_in(server: &TestServer, email: &str, password: &str) -> Client {
    let payload = sign_in(server, email, password).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    let anonymous = server.anonymous();
    anonymous.with_token(payload["token"].as_str().unwrap())
}

async fn is_signed_in(client: &Client) -> bool {
    client.run("{ viewer { id } }").await.data()["viewer"].is_object()
}

/// Asks for a reset, and returns the token in the e-mail.
async fn reset_token(server: &TestServer, email: &str) -> String {
    let payload = server
        .anonymous()
        .mutate("requestPasswordReset", json!({ "email": email }), "")
        .await;
    assert_eq!(payload["userErrors"], json!([]));
    let received = server.inbox.next().await;
    assert_eq!(received.to, [email]);
    assert!(link_in(&received).contains("/reset-password?token="));
    token_in(&received)
}

async fn reset(server: &TestServer, token: &str, password: &str) -> Vec<String> {
    let input = json!({ "token": token, "newPassword": password });
    let payload = server
        .anonymous()
        .mutate("resetPassword", input, "user { email }")
        .await;
    if payload["userErrors"] == json!([]) {
        assert!(payload["user"]["email"].is_string(), "{payload:#}");
    }
    ids(&payload["userErrors"])
}

/// What has become of a link, as anybody sees it who has it.
async fn preview(server: &TestServer, token: &str) -> Value {
    let document =
        "query($token: String!) { passwordReset(token: $token) { status expiresAt email } }";
    let answer = server
        .anonymous()
        .run_with(document, json!({ "token": token }))
        .await;
    answer.data()["passwordReset"].clone()
}

/// Security rule 10: looking does not use a link up, and tells nobody whose a dead one was.
#[tokio::test]
async fn a_link_says_what_became_of_it_before_a_password_is_typed() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &[])
        .await;
    let used = reset_token(&server, ADMINISTRATOR).await;
    let revoked = reset_token(&server, ADMINISTRATOR).await;
    for token in [&used, &used, &revoked] {
        let seen = preview(&server, token).await;
        assert_eq!(seen["status"], "PENDING");
        assert!(seen["expiresAt"].is_string());
        assert_eq!(seen["email"], ADMINISTRATOR);
    }
    assert_eq!(reset(&server, &used, NEW).await, [""; 0]);
    server.inbox.next().await;
    assert_eq!(preview(&server, &used).await["status"], "USED");
    assert_eq!(preview(&server, &used).await["email"], Value::Null);
    assert_eq!(preview(&server, &revoked).await["status"], "REVOKED");
    assert_eq!(preview(&server, &revoked).await["email"], Value::Null);

    let expired = reset_token(&server, "laura@kbank.com").await;
    server.advance(Duration::from_secs(60 * 60));
    assert_eq!(preview(&server, &expired).await["status"], "EXPIRED");
    let administrator = signed_in(&server, ADMINISTRATOR, NEW).await;
    let deactivated = reset_token(&server, "laura@kbank.com").await;
    let id = json!({ "id": laura.id });
    administrator.mutate("deactivateUser", id.clone(), "").await;
    assert_eq!(preview(&server, &deactivated).await["status"], "REVOKED");
    administrator.mutate("deleteUser", id, "").await;
    for token in ["", "unknown", deactivated.as_str()] {
        assert_eq!(preview(&server, token).await, Value::Null);
    }
}

/// Security rules 10 and 14.
#[tokio::test]
async fn a_forgotten_password_is_replaced_by_a_link_that_works_once() {
    let server = TestServer::start().await;
    let before = server.administrator().await;
    let token = reset_token(&server, ADMINISTRATOR).await;
    // A refused password does not use it up.
    assert_eq!(
        reset(&server, &token, "short").await,
        ["PASSWORD_TOO_SHORT input.newPassword"]
    );
    assert!(is_signed_in(&before).await);
    assert_eq!(reset(&server, &token, NEW).await, [""; 0]);
    assert!(!is_signed_in(&before).await);
    let notice = server.inbox.next().await;
    assert_eq!(notice.to, [ADMINISTRATOR]);
    assert_eq!(notice.subject, "Your password for Usher was changed");
    assert!(notice.text.contains("127.0.0.1"), "{}", notice.text);

    assert_eq!(
        reset(&server, &token, PASSWORD).await,
        ["TOKEN_INVALID input.token"]
    );
    assert_eq!(
        reset(&server, "never-issued", PASSWORD).await,
        ["TOKEN_INVALID input.token"]
    );
    let old = sign_in(&server, ADMINISTRATOR, PASSWORD).await;
    assert_eq!(ids(&old["userErrors"]), ["INVALID_CREDENTIALS "]);
    signed_in(&server, ADMINISTRATOR, NEW).await;
}

/// Security rule 10.
#[tokio::test]
async fn of_many_resets_by_one_link_exactly_one_succeeds() {
    let server = TestServer::start().await;
    server.administrator().await;
    let token = reset_token(&server, ADMINISTRATOR).await;
    let attempts = (0..50).map(|_| reset(&server, &token, NEW));
    let outcomes = join_all(attempts).await;
    let succeeded = outcomes.iter().filter(|errors| errors.is_empty()).count();
    assert_eq!(succeeded, 1, "{outcomes:?}");
    assert!(
        outcomes
            .iter()
            .flatten()
            .all(|error| error == "TOKEN_INVALID input.token"),
        "{outcomes:?}"
    );
}

/// Security rules 4 and 10: anybody may ask for a link to an address, and shuts nobody out by it.
#[tokio::test]
async fn a_newer_reset_leaves_the_older_ones_and_there_are_only_so_many() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let first = reset_token(&server, ADMINISTRATOR).await;
    reset_token(&server, ADMINISTRATOR).await;
    reset_token(&server, ADMINISTRATOR).await;
    // The fourth is answered alike, and brings no e-mail.
    let input = json!({ "email": ADMINISTRATOR });
    let payload = server
        .anonymous()
        .mutate("requestPasswordReset", input, "")
        .await;
    assert_eq!(payload["userErrors"], json!([]));
    let asked = "{ events(filter: { action: [PASSWORD_RESET_REQUESTED] }) { totalCount } }";
    while administrator.run(asked).await.data()["events"]["totalCount"] != 4 {
        tokio::task::yield_now().await;
    }
    server.all_sent(&administrator).await;
    let received = "{ emails(filter: { kind: [\"password-reset\"] }) { totalCount } }";
    let answer = administrator.run(received).await;
    assert_eq!(answer.data()["emails"]["totalCount"], 3);
    assert_eq!(reset(&server, &first, NEW).await, [""; 0]);
}

/// Security rule 10.
#[tokio::test]
async fn a_reset_ends_by_time_by_the_use_of_another_and_by_any_change_of_the_password() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let second = reset_token(&server, ADMINISTRATOR).await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let payload = administrator
        .mutate("changePassword", input, "user { email }")
        .await;
    assert_eq!(payload["userErrors"], json!([]));
    assert_eq!(
        reset(&server, &second, PASSWORD).await,
        ["TOKEN_INVALID input.token"]
    );
    server.inbox.next().await;
    let used = reset_token(&server, ADMINISTRATOR).await;
    let other = reset_token(&server, ADMINISTRATOR).await;
    assert_eq!(reset(&server, &used, PASSWORD).await, [""; 0]);
    assert_eq!(
        reset(&server, &other, NEW).await,
        ["TOKEN_INVALID input.token"]
    );
    server.inbox.next().await;
    let third = reset_token(&server, ADMINISTRATOR).await;
    server.advance(Duration::from_secs(60 * 60));
    assert_eq!(
        reset(&server, &third, PASSWORD).await,
        ["TOKEN_EXPIRED input.token"]
    );
}

/// Security rules 9 and 12: a reset link is for its recipient only, before it is sent and after.
#[tokio::test]
async fn a_reset_link_is_shown_to_nobody_and_gone_when_it_is_sent() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let see = "{ emails(filter: { kind: [\"password-reset\"] }) { nodes {
        status priority link textBody htmlBody lastError
    } } }";
    server.inbox.refuse(Some(transports::Failure::Transient));
    let input = json!({ "email": ADMINISTRATOR });
    server
        .anonymous()
        .mutate("requestPasswordReset", input, "")
        .await;
    let filter = json!({ "kind": ["password-reset"] });
    let waiting = loop {
        let answer = administrator.run(see).await;
        let mails = &answer.data()["emails"]["nodes"];
        // The first attempt is over; until then, letting time pass would move the next one, too.
        if mails[0]["lastError"].is_string() {
            break mails[0].clone();
        }
    };
    assert_eq!(waiting["link"], Value::Null);
    assert_eq!(waiting["priority"], "HIGH");
    assert!(
        waiting["textBody"]
            .as_str()
            .unwrap()
            .contains("[secret link]")
    );
    assert!(!waiting.to_string().contains("token="));
    server.inbox.refuse(None);
    server.advance(Duration::from_secs(60));
    server.emails_in(&administrator, filter, "SENT").await;
    assert!(
        !administrator
            .run(see)
            .await
            .body
            .to_string()
            .contains("token=")
    );
    let db = &server.server.app.db;
    let all = entity::email::Entity::find();
    let rows = db.all(db.read(), all).await.unwrap();
    let resets = rows.iter().filter(|row| row.kind == "password-reset");
    assert_eq!(resets.clone().count(), 1);
    assert!(resets.clone().all(|row| row.secret_link.is_none()));
}

/// Security rule 3, but for the time that it takes, which a benchmark measures.
#[tokio::test]
async fn asking_for_a_reset_answers_alike_whoever_the_address_belongs_to() {
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
    for email in [
        ADMINISTRATOR,
        "invited@kbank.com",
        "deactivated@kbank.com",
        "unknown@kbank.com",
    ] {
        let answer = server
            .anonymous()
            .run_with(
                "mutation($input: RequestPasswordResetInput!) {
                    requestPasswordReset(input: $input) { userErrors { code } }
                }",
                json!({ "input": { "email": email } }),
            )
            .await;
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        answers.push((answer.status, answer.body, names));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    // Only who has a password gets an e-mail.
    let received = server.inbox.next().await;
    assert_eq!(received.to, [ADMINISTRATOR]);
    let received = administrator
        .run("{ emails(filter: { kind: [\"password-reset\"] }) { nodes { to } } }")
        .await;
    assert_eq!(
        received.data()["emails"]["nodes"],
        json!([{ "to": [ADMINISTRATOR] }])
    );
}

/// Security rule 14.
#[tokio::test]
async fn changing_the_password_asks_for_the_current_one_and_ends_other_sessions() {
    let server = TestServer::start().await;
    let here = server.administrator().await;
    let there = signed_in(&server, ADMINISTRATOR, PASSWORD).await;
    let change = async |current: &str, new: &str| {
        let input = json!({ "currentPassword": current, "newPassword": new });
        let payload = here.mutate("changePassword", input, "user { email }").await;
        ids(&payload["userErrors"])
    };
    assert_eq!(
        change("wrong", "short").await,
        [
            "INVALID_CREDENTIALS input.currentPassword",
            "PASSWORD_TOO_SHORT input.newPassword"
        ]
    );
    assert_eq!(
        change(PASSWORD, PASSWORD).await,
        ["PASSWORD_UNCHANGED input.newPassword"]
    );
    assert_eq!(
        change(PASSWORD, "password1234").await,
        ["PASSWORD_TOO_WEAK input.newPassword"]
    );
    assert!(is_signed_in(&there).await);
    assert_eq!(change(PASSWORD, NEW).await, [""; 0]);
    assert!(is_signed_in(&here).await);
    assert!(!is_signed_in(&there).await);
    let notice = server.inbox.next().await;
    assert_eq!(notice.subject, "Your password for Usher was changed");
    signed_in(&server, ADMINISTRATOR, NEW).await;
    let events = here
        .run("{ events(first: 3) { nodes { action } } }")
        .await
        .body
        .to_string();
    assert!(events.contains("PASSWORD_CHANGED"), "{events}");
}

/// Security rule 7.
#[tokio::test]
async fn an_administrator_starts_a_reset_only_for_whom_they_outrank() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let helper = server
        .user_with(
            &administrator,
            "helper@kbank.com",
            &["users.update", "content-hub.view"],
        )
        .await;
    let laura = server
        .user_with(&administrator, "laura@kbank.com", &["content-hub.view"])
        .await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, _) = server
        .invite(&administrator, "invited@kbank.com", &role)
        .await;
    let send = async |id: &str| {
        let payload = helper
            .mutate("sendPasswordReset", json!({ "userId": id }), "user { id }")
            .await;
        ids(&payload["userErrors"])
    };
    assert_eq!(
        send(&administrator.id).await,
        ["EXCEEDS_OWN_PERMISSIONS input.userId"]
    );
    assert_eq!(
        send(invited["user"]["id"].as_str().unwrap()).await,
        ["WRONG_STATE input.userId"]
    );
    assert_eq!(send("nobody").await, ["INVALID input.userId"]);
    assert_eq!(
        send("user_01h2xcejqtf2nbrexx3vqjhp41").await,
        ["NOT_FOUND input.userId"]
    );
    let input = json!({ "userId": laura.id });
    let payload = helper.mutate("sendPasswordReset", input, "").await;
    assert_eq!(payload["userErrors"], json!([]));
    let received = server.inbox.next().await;
    assert_eq!(received.to, ["laura@kbank.com"]);
    assert_eq!(reset(&server, &token_in(&received), NEW).await, [""; 0]);
}

#[tokio::test]
async fn a_password_can_be_checked_without_being_chosen() {
    let server = TestServer::start().await;
    let check = async |input: Value| {
        let payload = server
            .anonymous()
            .mutate(
                "checkPassword",
                input,
                "assessment { score isAcceptable reason warning suggestions }",
            )
            .await;
        payload["assessment"].clone()
    };
    let weak = check(json!({ "password": "password1234" })).await;
    assert_eq!(weak["isAcceptable"], false);
    assert_eq!(weak["reason"], "PASSWORD_TOO_WEAK");
    assert!(
        weak["suggestions"].as_array().unwrap().len() + weak["warning"].is_string() as usize > 0
    );
    let strong = check(json!({ "password": NEW })).await;
    assert_eq!(strong["isAcceptable"], true);
    assert_eq!(strong["reason"], Value::Null);
    assert!(strong["score"].as_u64().unwrap() >= 3);
    let own = check(json!({
        "password": "wolfeschlegelstein", "email": "w@kbank.com", "lastName": "Wolfeschlegelstein"
    }))
    .await;
    assert_eq!(own["isAcceptable"], false);
    let long = check(json!({ "password": "x".repeat(1_025) })).await;
    assert_eq!(long["reason"], "TOO_LONG");
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
    // Somebody else's does not exist.
    assert_eq!(
        revoke(&laura, &other).await,
        (Value::Null, vec!["NOT_FOUND input.id".to_owned()])
    );
    assert_eq!(revoke(&administrator, &other).await, (other, Vec::new()));
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
