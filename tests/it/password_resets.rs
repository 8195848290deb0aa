//! Resetting passwords by a link, and what must not work about it.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::passwords::NEW;
use crate::sessions::{ADMINISTRATOR, is_signed_in, sign_in, signed_in};
use crate::support::{PASSWORD, TestServer, ids, link_in, token_in};

/// Asks for a reset, and returns the token in the e-mail.
async fn reset_token(server: &TestServer, email: &str) -> String {
    let payload = server
        .anonymous()
        .mutate("requestPasswordReset", json!({ "email": email }), "")
        .await;
    assert_eq!(payload["userErrors"], json!([]));
    let received = server.inbox.next().await;
    assert_eq!(received.to, [email]);
    assert!(link_in(&received).contains("/reset-password#token="));
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
        "query($token: String!) { passwordResetByToken(token: $token) { status expiresAt email } }";
    let answer = server
        .anonymous()
        .run_with(document, json!({ "token": token }))
        .await;
    answer.data()["passwordResetByToken"].clone()
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
    let asked = "{ events(filter: { actions: [PASSWORD_RESET_REQUESTED] }) { totalCount } }";
    let all_asked =
        async { while administrator.run(asked).await.data()["events"]["totalCount"] != 4 {} };
    server.within("four requests", all_asked).await;
    server.all_sent(&administrator).await;
    let received = "{ emails(filter: { kinds: [PASSWORD_RESET] }) { totalCount } }";
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
    let see = "{ emails(filter: { kinds: [PASSWORD_RESET] }) { nodes {
        status priority link textBody htmlBody lastError
    } } }";
    server.inbox.refuse(Some(transports::Failure::Transient));
    let input = json!({ "email": ADMINISTRATOR });
    server
        .anonymous()
        .mutate("requestPasswordReset", input, "")
        .await;
    let filter = json!({ "kinds": ["PASSWORD_RESET"] });
    // Until the first attempt is over, letting time pass would move the next one, too.
    server
        .emails_that(&administrator, filter.clone(), "an attempt", |mails| {
            mails.iter().any(|mail| mail["lastError"].is_string())
        })
        .await;
    let waiting = administrator.run(see).await.data()["emails"]["nodes"][0].clone();
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
        .run("{ emails(filter: { kinds: [PASSWORD_RESET] }) { nodes { to } } }")
        .await;
    assert_eq!(
        received.data()["emails"]["nodes"],
        json!([{ "to": [ADMINISTRATOR] }])
    );
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
