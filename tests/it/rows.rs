//! Rows that nobody can make sense of, one in each table that a loop reads: those behind them are
//! served, and the log says once which row it is.

use std::time::Duration;

use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use crate::support::{TestServer, errors_about};

async fn execute(server: &TestServer, sql: &str) {
    let transaction = server.server.app.db.begin().await.unwrap();
    transaction.execute_unprepared(sql).await.unwrap();
    transaction.commit().await.unwrap();
}

fn backend(server: &TestServer) -> DbBackend {
    server.server.app.db.read().get_database_backend()
}

/// A UUID as the database's own literal.
fn literal(server: &TestServer, id: Uuid) -> String {
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
    assert!(!ask(&("Ⱥ".repeat(32) + "@example.com")).await);
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
    assert_eq!(left.all(server.server.app.db.read()).await.unwrap(), []);
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
    let arrived = tokio::time::timeout(Duration::from_secs(20), arrives).await;
    assert!(arrived.is_ok(), "{:#?}", errors_about(""));
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
    let left = event.count(server.server.app.db.read()).await.unwrap();
    assert_eq!(left, 0);
}
