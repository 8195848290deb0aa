//! Rows that nobody can make sense of, one in each table that a loop reads: those behind them are
//! served, and the log says once which row it is.

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait};
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
