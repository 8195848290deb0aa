//! Passwords: the policy, how they are kept, and how they are changed.

use entity::user;
use futures_util::future::join_all;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::sessions::{ADMINISTRATOR, is_signed_in, signed_in};
use crate::support::{PASSWORD, TestServer, ids};

/// A password that nobody has yet.
pub const NEW: &str = "brittle-lantern-58-canoe";

#[tokio::test]
async fn the_policy_is_public() {
    let server = TestServer::start_with(&["passwords.min_length=16"]).await;
    let answer = server
        .anonymous()
        .run("{ passwordPolicy { minLength maxLength minScore } }")
        .await;
    assert_eq!(
        answer.data()["passwordPolicy"],
        json!({ "minLength": 16, "maxLength": 1024, "minScore": 3 })
    );
}

/// Security rule 1.
#[tokio::test]
async fn a_hash_is_made_anew_when_the_parameters_have_changed() {
    let server = TestServer::start().await;
    server.administrator().await;
    let hash = async |server: &TestServer| {
        let db = &server.server.app.db;
        let users = db.all(db.read(), user::Entity::find()).await.unwrap();
        users[0].password_hash.clone().unwrap().0
    };
    let old = hash(&server).await;
    assert!(old.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{old}");
    let TestServer {
        server: running,
        database,
        ..
    } = server;
    running.stop();
    running.stopped().await;

    let server = TestServer::start_on(database, &["passwords.argon2.iterations=2"]).await;
    let sign_in = async || {
        server
            .anonymous()
            .mutate(
                "signIn",
                json!({ "email": "admin@example.com", "password": PASSWORD }),
                "token",
            )
            .await
    };
    // Also where others sign in at the same time, and one of them is the first to hash it anew.
    for payload in join_all([sign_in(), sign_in(), sign_in()]).await {
        assert_eq!(payload["userErrors"], json!([]));
    }
    let new = hash(&server).await;
    assert!(new.starts_with("$argon2id$v=19$m=8,t=2,p=1$"), "{new}");
    assert_eq!(sign_in().await["userErrors"], json!([]));
    assert_eq!(hash(&server).await, new);
}

/// As by a form that is sent from two tabs.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_at_once_one_is_told_that_the_password_was_changed() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let change = async |new: &str| {
        let input = json!({ "currentPassword": PASSWORD, "newPassword": new });
        let payload = administrator.mutate("changePassword", input, "").await;
        payload["userErrors"].clone()
    };
    let told = tokio::join!(
        change("first walrus teapot 17"),
        change("second walrus teapot 18")
    );
    let mut told = [told.0, told.1];
    told.sort_by_key(|errors| errors.as_array().unwrap().len());
    assert_eq!(told[0], json!([]));
    assert_eq!(told[1][0]["code"], "INVALID_CREDENTIALS", "{told:?}");
    assert_eq!(told[1][0]["field"][1], "currentPassword", "{told:?}");
    assert!(is_signed_in(&administrator).await);
}

/// Security rule 2.
#[tokio::test]
async fn a_password_may_hold_anything_in_any_composition() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    for (index, (chosen, typed, accepted)) in [
        // Composed and decomposed are the same.
        (
            "größe Übermut 49 Kännchen",
            "gro\u{308}ße U\u{308}bermut 49 Ka\u{308}nnchen",
            true,
        ),
        (
            "漢字とかな混じりの長い文章です",
            "漢字とかな混じりの長い文章です",
            true,
        ),
        (
            "  spaces count, all of them  ",
            "spaces count, all of them",
            false,
        ),
        (
            "Case Counts As Well, 77 Geese",
            "case counts as well, 77 geese",
            false,
        ),
        (&"长".repeat(64), &"长".repeat(64), true),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("user{index}@kbank.com");
        let (_, token) = server.invite(&administrator, &email, &role).await;
        let payload = server
            .anonymous()
            .mutate(
                "acceptInvitation",
                json!({ "token": token, "password": chosen }),
                "token",
            )
            .await;
        if chosen.chars().all(|c| c == '长') {
            // Long enough, but not hard to guess: the length alone is never what is refused.
            assert_eq!(
                ids(&payload["userErrors"]),
                ["PASSWORD_TOO_WEAK input.password"]
            );
            continue;
        }
        assert_eq!(payload["userErrors"], json!([]), "{chosen}");
        let payload = server
            .anonymous()
            .mutate(
                "signIn",
                json!({ "email": email, "password": typed }),
                "token",
            )
            .await;
        assert_eq!(payload["token"].is_string(), accepted, "{chosen}");
    }
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
