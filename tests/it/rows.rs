//! Rows that nobody can make sense of, one in each table that a loop reads: those behind them are
//! served, and the log says once which row it is.

use sea_orm::{ColumnTrait, DbBackend, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use usher::database::Source;
use usher::domain::tokens;
use uuid::Uuid;

use crate::support::{Browser, Client, PASSWORD, TestServer, errors_about, ids, skipped};

/// Why a test of what cannot be read has nothing to try elsewhere.
const TYPED: &str = "only SQLite's columns take a text for a number";

async fn execute(server: &TestServer, sql: &str) {
    let transaction = server.server.app.db.begin().await.unwrap();
    transaction.execute_batch(sql).await.unwrap();
    transaction.commit().await.unwrap();
}

fn backend(server: &TestServer) -> DbBackend {
    server.server.app.db.read().backend()
}

/// A UUID as the database's own literal.
pub fn literal(server: &TestServer, id: Uuid) -> String {
    match backend(server) {
        DbBackend::Postgres => format!("'{id}'"),
        _ => format!("X'{}'", id.simple()),
    }
}

/// Security rule 5: nobody can stop everybody's links, whatever they ask for.
#[tokio::test]
async fn odd_requests_for_a_reset_stop_nobody_elses() {
    let server = TestServer::start().await;
    server.administrator().await;
    let ask = async |email: &str| {
        let input = json!({ "email": email });
        let payload = server
            .anonymous()
            .mutate("requestPasswordReset", input, "")
            .await;
        payload["userErrors"] == json!([])
    };
    for odd in [
        "İSMAİL@example.com",
        "\"xxx.\"@docomo.example",
        "संपर्क@डाटामेल.भारत",
    ] {
        assert!(ask(odd).await, "{odd}");
    }
    assert!(ask(&("Ⱥ".repeat(32) + "@example.com")).await);
    // Older than all others: what a later version, or a person, may have left there.
    for (number, address) in ["", "no address", "a\tb@c@d", &"ß".repeat(320)]
        .iter()
        .enumerate()
    {
        let id = literal(&server, Uuid::from_u128(number as u128 + 1));
        execute(
            &server,
            &format!(
                "INSERT INTO password_reset_requests (id, email_normal, ip_address, created_at)
                 VALUES ({id}, '{address}', 'nowhere', 9223372036854775807)"
            ),
        )
        .await;
    }
    // SQLite takes anything.
    if backend(&server) == DbBackend::Sqlite {
        for values in [
            "X'00ff', 'unreadable-1@example.com', NULL, 1",
            "'unreadable-2', X'ff', NULL, 'yesterday'",
            "-3, 'unreadable-3@example.com', X'ff', 1.5",
        ] {
            let insert =
                "INSERT INTO password_reset_requests (id, email_normal, ip_address, created_at)";
            execute(&server, &format!("{insert} VALUES ({values})")).await;
        }
    }
    assert!(ask("admin@example.com").await);
    assert_eq!(server.inbox.next().await.to, ["admin@example.com"]);
    let left = entity::password_reset_request::Entity::find();
    let db = &server.server.app.db;
    assert_eq!(db.count(db.read(), left).await.unwrap(), 0);
    if backend(&server) == DbBackend::Sqlite {
        assert_eq!(errors_about("unreadable-2").len(), 1);
    }
}

/// E-mails that cannot be read are failed, and those behind them go out; a list shows the others.
#[tokio::test]
async fn unreadable_emails_stop_neither_the_queue_nor_a_list() {
    let server = TestServer::start_with(&["mail.queue.workers=2"]).await;
    let administrator = server.administrator().await;
    server.all_sent(&administrator).await;
    let copy = async |id: Uuid, changes: &str| {
        let id = literal(&server, id);
        execute(
            &server,
            &format!(
                "INSERT INTO emails (id, kind, status, priority, from_mailbox, recipients,
                     recipients_key, subject, subject_key, text_body, html_body, message_id,
                     attempt_count, next_attempt_at, created_at, sent_at, changed_at)
                 SELECT {id}, 'test', 'queued', 2, from_mailbox, recipients, recipients_key, subject,
                     subject_key, text_body, html_body, message_id, 0, 1, 1, sent_at, 1
                 FROM emails WHERE kind = 'invitation'"
            ),
        )
        .await;
        execute(
            &server,
            &format!("UPDATE emails SET {changes} WHERE id = {id}"),
        )
        .await;
    };
    // What a later version may know.
    copy(Uuid::from_u128(1), "status = 'postponed'").await;
    copy(Uuid::from_u128(2), "priority = 9, kind = 'newsletter'").await;
    copy(Uuid::from_u128(3), "attempt_count = 2147483647").await;
    copy(Uuid::from_u128(4), "recipients = 'nobody', message_id = ''").await;
    copy(
        Uuid::from_u128(5),
        "status = 'sending', lease_until = 9223372036854775807",
    )
    .await;
    if backend(&server) == DbBackend::Sqlite {
        for number in 10..16 {
            let garbage = "attempt_count = 'many', created_at = 'yesterday'";
            copy(Uuid::from_u128(number), garbage).await;
        }
        copy(
            Uuid::from_u128(20),
            "html_body = X'ff', status = 'sending', lease_until = 1",
        )
        .await;
        copy(Uuid::from_u128(21), "id = 'unreadable-email'").await;
        let reset =
            "UPDATE email_queue SET transport_failed_at = 'then', transport_retry_at = X'00'";
        execute(&server, reset).await;
    } else {
        let far = "UPDATE email_queue SET transport_failed_at = 1, transport_retry_at = 9223372036854775807";
        execute(&server, far).await;
    }
    let input = json!({ "to": "behind@kbank.com" });
    let payload = administrator
        .mutate("sendTestEmail", input, "email { id }")
        .await;
    assert_eq!(payload["userErrors"], json!([]));
    let arrives = async { while server.inbox.next().await.to != ["behind@kbank.com"] {} };
    server.within("the e-mail behind them", arrives).await;
    let list = "{ emails { nodes { to } } emailQueue { counts { status count } } roles { nodes { name } } events { nodes { action } } }";
    let listed = administrator.run(list).await;
    let nodes = listed.data()["emails"]["nodes"].as_array().unwrap();
    assert!(
        nodes
            .iter()
            .any(|email| email["to"] == json!(["behind@kbank.com"]))
    );
    if backend(&server) == DbBackend::Sqlite {
        assert_eq!(errors_about("unreadable-email").len(), 1);
    }
}

/// What has served its time is removed, whatever else is in the table.
#[tokio::test]
async fn unreadable_rows_are_pruned_like_others() {
    let server = TestServer::start_with(&["event_log.keep_days=1"]).await;
    server.administrator().await;
    let id = match backend(&server) {
        DbBackend::Sqlite => "'no id'".to_owned(),
        _ => literal(&server, Uuid::from_u128(1)),
    };
    execute(
        &server,
        &format!(
            "INSERT INTO events (id, created_at, actor_label, action, subject_type, subject_label, changes)
             VALUES ({id}, 0, '', 'later', 'later', '', 'no JSON')"
        ),
    )
    .await;
    usher::domain::events::prune(&server.server.app)
        .await
        .unwrap();
    let event = entity::event::Entity::find().filter(entity::event::Column::Action.eq("later"));
    let db = &server.server.app.db;
    assert_eq!(db.count(db.read(), event).await.unwrap(), 0);
}

/// The ID of the session that a client is in, as it is stored.
async fn session_of(server: &TestServer, client: &Client) -> Uuid {
    let by_token =
        entity::session::Column::TokenHash.eq(tokens::hash(client.token.as_ref().unwrap()));
    let session = entity::session::Entity::find().filter(by_token);
    let db = &server.server.app.db;
    let session = db.one(db.read(), session).await.unwrap();
    session.unwrap().id.0
}

/// A session that cannot be read is none, and its user has others.
#[tokio::test]
async fn an_unreadable_session_is_none() {
    let server = TestServer::start().await;
    if !server.database.is_sqlite() {
        return skipped(TYPED);
    }
    let administrator = server.administrator().await;
    let lost = server.user_with(&administrator, "ada@kbank.com", &[]).await;
    let sessions = lost.run("{ sessions { id } }").await;
    let lost_id = sessions.data()["sessions"][0]["id"].clone();
    let stored = session_of(&server, &lost).await;
    let id = literal(&server, stored);
    for garbage in [
        "created_at = 'yesterday'",
        "expires_at = 'tomorrow', ends_at = 'tomorrow'",
        "id = 'unreadable-session'",
    ] {
        execute(
            &server,
            &format!("UPDATE sessions SET {garbage} WHERE id = {id}"),
        )
        .await;
        let viewer = lost.run("{ viewer { id } }").await;
        assert_eq!(viewer.data()["viewer"], Value::Null, "{garbage}");
        let other = server.sign_in("ada@kbank.com").await;
        let mine = other.run("{ sessions { isCurrent } }").await;
        assert_eq!(mine.data()["sessions"], json!([{ "isCurrent": true }]));
        let query = "query($user: ID!, $session: ID!) {
            user(id: $user) { sessions { id } }
            node(id: $session) { id }
        }";
        let variables = json!({ "user": other.id, "session": lost_id });
        let seen = administrator.run_with(query, variables).await;
        let listed = seen.data()["user"]["sessions"].as_array().unwrap();
        assert_eq!(listed.len(), 1, "{garbage}");
        assert_eq!(seen.data()["node"], Value::Null, "{garbage}");
        let out = other
            .run("mutation { signOut { userErrors { code } } }")
            .await;
        assert_eq!(out.data()["signOut"]["userErrors"], json!([]));
    }
    assert_eq!(errors_about(&stored.to_string()).len(), 1);
    assert_eq!(errors_about("unreadable-session").len(), 1);
    // Whoever signs in for the hundredth time ends the oldest, whatever it is.
    let other = server.sign_in("ada@kbank.com").await;
    for _ in 0..usher::domain::sessions::MAX_SESSIONS {
        server.sign_in("ada@kbank.com").await;
    }
    assert_eq!(
        other.run("{ viewer { id } }").await.data()["viewer"],
        Value::Null
    );
}

/// A device that cannot be read is not known, and its user signs in as from any other.
#[tokio::test]
async fn an_unreadable_device_is_not_known() {
    let server = TestServer::start().await;
    server.administrator().await;
    if !server.database.is_sqlite() {
        return skipped(TYPED);
    }
    let mut browser = Browser::of(&server, "192.0.2.1", "admin@example.com").await;
    let (_, token) = browser.device.as_ref().unwrap().split_once('=').unwrap();
    let stored = format!("{:02x?}", tokens::hash(token).0);
    execute(&server, "UPDATE devices SET expires_at = 'later'").await;
    let asked = json!({ "email": "admin@example.com" });
    let answer = browser.mutate("requestPasswordReset", asked).await;
    assert_eq!(answer.user_errors(), [""; 0]);
    assert_eq!(
        browser.sign_in("admin@example.com", PASSWORD).await,
        [""; 0]
    );
    // The old one is used up, and the new one is known.
    assert_eq!(
        browser.sign_in("admin@example.com", PASSWORD).await,
        [""; 0]
    );
    assert_eq!(errors_about(&stored).len(), 1);
}

/// Security rule 4: a count that cannot be read locks nobody out, and lets nobody guess without end.
#[tokio::test]
async fn an_unreadable_throttle_begins_anew() {
    let server = TestServer::start_with(&["throttle.delay=1h"]).await;
    let administrator = server.administrator().await;
    server.user_with(&administrator, "ada@kbank.com", &[]).await;
    let role = server.role(&administrator, "Editor", &[]).await;
    server.invite(&administrator, "eve@kbank.com", &role).await;
    let guess = async |password: &str| {
        let input = json!({ "email": "ada@kbank.com", "password": password });
        let answer = server.anonymous().mutate("signIn", input, "token").await;
        ids(&answer["userErrors"])
    };
    for _ in 0..5 {
        assert_eq!(guess("wrong").await, ["INVALID_CREDENTIALS "]);
    }
    assert_eq!(guess(PASSWORD).await, ["TOO_MANY_ATTEMPTS "]);
    let garbage = match backend(&server) {
        DbBackend::Sqlite => "blocked_until = 'later', attempts = 'many', counted_since = X'00'",
        _ => "blocked_until = 0, attempts = 2147483647",
    };
    let far = "blocked_until = 9223372036854775807";
    for poison in [garbage, far] {
        execute(&server, &format!("UPDATE throttles SET {poison}")).await;
        let eve = json!({ "email": "eve@kbank.com", "roleIds": [role] });
        let input = json!({ "invitations": [eve], "onExisting": "RESEND" });
        let select = "results { outcome }";
        let invited = administrator.mutate("inviteUsers", input, select).await;
        assert_eq!(invited["results"][0]["outcome"], "RESENT", "{poison}");
        assert_eq!(server.inbox.next().await.to, ["eve@kbank.com"]);
        let input = json!({ "email": "ada@kbank.com" });
        let stranger = server.anonymous();
        let asked = stranger.mutate("requestPasswordReset", input, "").await;
        assert_eq!(asked["userErrors"], json!([]), "{poison}");
        assert_eq!(server.inbox.next().await.to, ["ada@kbank.com"]);
        assert_eq!(guess(PASSWORD).await, [""; 0], "{poison}");
        execute(&server, &format!("UPDATE throttles SET {poison}")).await;
        for _ in 0..20 {
            guess("wrong").await;
        }
        assert_eq!(guess(PASSWORD).await, ["TOO_MANY_ATTEMPTS "], "{poison}");
    }
}

/// Whoever cannot be read is not there; everybody else is, and the server starts again.
#[tokio::test]
async fn an_unreadable_user_role_or_invitation_is_not_found() {
    let server = TestServer::start().await;
    if !server.database.is_sqlite() {
        return skipped(TYPED);
    }
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &["users.view"]).await;
    let ada = server.user_with(&administrator, "ada@kbank.com", &[]).await;
    let (_, token) = server.invite(&administrator, "eve@kbank.com", &role).await;
    let bob = server
        .user_with(&administrator, "bob@kbank.com", &["users.view"])
        .await;
    let stored =
        entity::user::Entity::find().filter(entity::user::Column::Email.eq("ada@kbank.com"));
    let db = &server.server.app.db;
    let stored = db.one(db.read(), stored).await.unwrap().unwrap().id.0;
    for garbage in [
        "UPDATE users SET updated_at = 'now', last_signed_in_at = X'ff' WHERE email = 'ada@kbank.com'",
        "UPDATE roles SET created_at = 'then' WHERE name = 'Editor'",
        "UPDATE invitations SET expires_at = 'later' WHERE email = 'eve@kbank.com'",
        "INSERT INTO role_permissions (role_id, permission) SELECT id, X'ff' FROM roles",
        "INSERT INTO declared_permissions (permission) VALUES (X'ff')",
        "UPDATE revisions SET revision = 'unreadable-revision'",
    ] {
        execute(&server, garbage).await;
    }
    let another = server.another().await;
    for server in [&server, &another] {
        let here = |client: &Client| Client {
            token: client.token.clone(),
            ..server.anonymous()
        };
        assert_eq!(
            here(&ada).run("{ viewer { id } }").await.data()["viewer"],
            Value::Null
        );
        let input = json!({ "email": "ada@kbank.com", "password": PASSWORD });
        let refused = server.anonymous().mutate("signIn", input, "token").await;
        assert_eq!(ids(&refused["userErrors"]), ["INVALID_CREDENTIALS "]);
        let input = json!({ "email": "ada@kbank.com" });
        let asked = server
            .anonymous()
            .mutate("requestPasswordReset", input, "")
            .await;
        assert_eq!(asked["userErrors"], json!([]));
        let query = "query($user: ID!, $role: ID!) {
            viewer { email }
            user(id: $user) { id }
            node(id: $role) { id }
            users { nodes { email invitation { id } } }
        }";
        let variables = json!({ "user": ada.id, "role": role });
        let seen = here(&administrator).run_with(query, variables).await;
        assert_eq!(seen.data()["user"], Value::Null);
        assert_eq!(seen.data()["node"], Value::Null);
        assert_eq!(seen.data()["users"]["nodes"].as_array().unwrap().len(), 3);
        let seen = here(&bob).run("{ users { nodes { email } } }").await;
        assert_eq!(seen.data()["users"]["nodes"].as_array().unwrap().len(), 3);
        let change = async |field: &str, input: Value| {
            let payload = here(&administrator).mutate(field, input, "").await;
            ids(&payload["userErrors"])
        };
        let not_found = ["NOT_FOUND input.id"];
        assert_eq!(
            change("deleteUser", json!({ "id": ada.id })).await,
            not_found
        );
        assert_eq!(change("deleteRole", json!({ "id": role })).await, not_found);
        let input = json!({ "email": "ada@kbank.com", "roleIds": [role] });
        assert_eq!(
            change("inviteUser", input).await,
            ["NOT_FOUND input.roleIds.0"]
        );
        let input = json!({ "token": token, "password": PASSWORD });
        let accepted = server
            .anonymous()
            .mutate("acceptInvitation", input, "token")
            .await;
        assert_eq!(ids(&accepted["userErrors"]), ["TOKEN_INVALID input.token"]);
    }
    assert!(!errors_about(&stored.to_string()).is_empty());
}

/// An e-mail that becomes unreadable while it is being sent is failed, and the outcomes of those that
/// were sent beside it are recorded.
#[tokio::test]
async fn an_email_that_becomes_unreadable_on_its_way_stops_no_other() {
    let server = TestServer::start_with(&["mail.queue.workers=2"]).await;
    if !server.database.is_sqlite() {
        return skipped(TYPED);
    }
    let administrator = server.administrator().await;
    server.all_sent(&administrator).await;
    server.inbox.open_gate(false);
    for to in ["first@kbank.com", "second@example.org"] {
        administrator
            .mutate("sendTestEmail", json!({ "to": to }), "")
            .await;
        server
            .emails_in(&administrator, json!({ "to": to }), "SENDING")
            .await;
    }
    let garbage = "UPDATE emails SET created_at = 'then' WHERE recipients = 'first@kbank.com'";
    execute(&server, garbage).await;
    server.inbox.open_gate(true);
    server
        .emails_in(
            &administrator,
            json!({ "to": "second@example.org" }),
            "SENT",
        )
        .await;
    let counts = administrator
        .run("{ emailQueue { counts { status count } } }")
        .await;
    let counts = counts.data()["emailQueue"]["counts"].clone();
    let failed = json!({ "status": "FAILED", "count": 1 });
    assert!(counts.as_array().unwrap().contains(&failed), "{counts}");
    let all = json!({ "filter": { "kinds": ["TEST"] } });
    let retried = administrator.mutate("retryEmails", all, "count").await;
    assert_eq!(retried["userErrors"], json!([]), "{retried}");
}
