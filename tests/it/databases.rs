//! Databases as they stand: newer than the server, locked by another one, told a time of their own.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend};
use serde_json::{Value, json};
use usher::config::Layers;

use usher::database::{MigrationError, Schema, Source};

use crate::support::{Binary, Client, TestDatabase, TestServer, ids, skipped, token_in};

/// A connection of another program's.
#[allow(clippy::disallowed_methods, reason = "what another program does")]
async fn connect(server: &TestServer) -> DatabaseConnection {
    Database::connect(&server.database.url).await.unwrap()
}

async fn execute(server: &TestServer, statement: &str) {
    let database = connect(server).await;
    database.execute_unprepared(statement).await.unwrap();
    database.close().await.unwrap();
}

const FUTURE: &str =
    "INSERT INTO seaql_migrations(version, applied_at) VALUES ('m20991231_000099_future', 0)";

/// During an update, the old servers answer until the new ones do.
#[tokio::test]
async fn a_server_goes_on_when_a_newer_one_has_extended_the_schema() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    execute(&server, FUTURE).await;
    let ready = administrator
        .http
        .get(format!("{}/readyz", server.url))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 200);
    let body = ready.text().await.unwrap();
    assert!(body.contains("newer than this version"), "{body}");
    administrator.run("{ users { totalCount } }").await.data();
    // Another one of this version does not start.
    let app = &server.server.app;
    let unknown = vec!["m20991231_000099_future".to_owned()];
    assert_eq!(app.db.schema().await.unwrap(), Schema::Ahead(unknown));
    let refusal = app.db.migrate().await.unwrap_err().to_string();
    assert!(refusal.contains("m20991231_000099_future"), "{refusal}");
    assert!(
        refusal.contains("start that version or a later one"),
        "{refusal}"
    );
}

/// No migration without the lock, which another database's migration does not hold.
#[tokio::test]
async fn a_migration_waits_for_its_turn_and_gives_up() {
    let server = TestServer::start().await;
    let db = &server.server.app.db;
    let hold = match db.read().backend() {
        DbBackend::Postgres => "SELECT pg_advisory_lock(8519046207)",
        DbBackend::MySql => "SELECT GET_LOCK(CONCAT('usher.migrate.', DATABASE()), 60)",
        _ => return skipped("whoever writes has SQLite's file for themselves"),
    };
    let newest =
        "(SELECT version FROM (SELECT MAX(version) AS version FROM seaql_migrations) AS m)";
    let forget = format!("DELETE FROM seaql_migrations WHERE version = {newest}");
    execute(&server, &forget).await;
    let other = connect(&server).await;
    use sea_orm::TransactionTrait;
    let holder = other.begin().await.unwrap();
    holder.execute_unprepared(hold).await.unwrap();
    let refusal = db.migrate_within(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(refusal, MigrationError::Locked(_)), "{refusal}");
    assert_eq!(db.schema().await.unwrap(), Schema::Behind(1));
    // Another database's migration has nothing to do with it.
    TestServer::start().await;
    holder.rollback().await.unwrap();
    other.close().await.unwrap();
}

/// Each says what it has done itself, whoever was first.
#[tokio::test]
async fn of_servers_that_migrate_at_once_one_does_and_says_so() {
    let fresh = TestDatabase::create().await;
    let command_line = vec![format!("database.url={}", fresh.url)];
    let layers = Layers {
        command_line,
        ..Layers::default()
    };
    let settings = layers.load().unwrap().database;
    usher::database::Database::prepare(&settings).unwrap();
    let open = async || usher::database::Database::open(&settings).await.unwrap();
    let databases = [open().await, open().await, open().await];
    let [a, b, c] = &databases;
    let (a, b, c) = tokio::join!(a.migrate(), b.migrate(), c.migrate());
    let mut applied = [a.unwrap(), b.unwrap(), c.unwrap()];
    applied.sort();
    assert_eq!(applied[..2], [0, 0], "{applied:?}");
    assert!(applied[2] > 10, "{applied:?}");
    for database in databases {
        database.close().await.unwrap();
    }
}

/// What is wrong with an address is said without the address.
#[test]
fn no_password_of_an_address_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    for url in [
        "postgres://usher:s3cret@127.0.0.1:1/usher",
        "postgres://usher:s3cret@[::1]:1/usher",
        "postgresql://usher:s3cret@%2Fno%2Fsuch%2Ffolder/usher",
        "mysql://usher:s3cret@127.0.0.1:1/usher",
        "mariadb://usher:s3cret@localhost/usher?socket=/no/such/socket",
        "mysql://usher:s3cret@[::1]:1/usher",
    ] {
        let complaint = Binary::complaint(folder.path(), &format!("database.url={url}"));
        assert!(complaint.contains("database "), "{complaint}");
        assert!(!complaint.contains("s3cret"), "{complaint}");
        let says_why = ["refused", "No such file", "assign requested address"];
        assert!(
            says_why.iter().any(|why| complaint.contains(why)),
            "{url}: {complaint}"
        );
    }
}

/// Failed and cancelled e-mails, and links that have ended, go when they are old; what the API still
/// tells of a user stays.
#[tokio::test]
async fn what_has_ended_is_removed_when_it_is_old() {
    let server = TestServer::start_with(&[
        "mail.queue.keep_unsent_days=3",
        "invitations.keep_ended_days=3",
        "passwords.keep_ended_resets_days=3",
    ])
    .await;
    let administrator = server.administrator().await;
    let role = server.role(&administrator, "Editor", &[]).await;
    let (invited, first) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    let id = invited["user"]["id"].as_str().unwrap();
    let input = json!({ "userId": id });
    administrator
        .mutate("resendInvitation", input.clone(), "")
        .await;
    server.inbox.next().await;
    let request = json!({ "email": "admin@example.com" });
    administrator
        .mutate("requestPasswordReset", request, "")
        .await;
    let reset = token_in(&server.inbox.next().await);
    server.inbox.refuse(Some(transports::Failure::Permanent));
    let test = json!({ "to": "failed@kbank.com" });
    administrator.mutate("sendTestEmail", test, "").await;
    let failed = json!({ "to": "failed@" });
    server.emails_in(&administrator, failed, "FAILED").await;
    administrator
        .run("mutation { pauseEmailQueue { userErrors { code } } }")
        .await
        .data();
    let test = json!({ "to": "cancelled@kbank.com" });
    administrator.mutate("sendTestEmail", test, "").await;
    let cancelled = json!({ "filter": { "to": "cancelled@" } });
    administrator.mutate("cancelEmails", cancelled, "").await;

    let left = async || {
        let app = &server.server.app;
        usher::domain::emails::retention::sweep(app).await.unwrap();
        usher::domain::invitations::prune(app).await.unwrap();
        usher::domain::password_resets::prune(app).await.unwrap();
        let query = "query($first: String!, $reset: String!, $id: ID!) {
            invitationByToken(token: $first) { status } passwordResetByToken(token: $reset) { status }
            emails(filter: { statuses: [FAILED, CANCELLED] }) { totalCount }
            user(id: $id) { invitation { status } }
        }";
        let variables = json!({ "first": first, "reset": reset, "id": id });
        administrator
            .run_with(query, variables)
            .await
            .data()
            .clone()
    };
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    server.advance(DAY * 2);
    assert_eq!(left().await["emails"]["totalCount"], 2);
    // Seven days until the invitations end, and three more.
    server.advance(DAY * 7);
    let now = left().await;
    assert_eq!(now["emails"]["totalCount"], 0);
    assert_eq!(now["passwordResetByToken"], Value::Null);
    assert_eq!(now["invitationByToken"]["status"], "REVOKED");
    server.advance(DAY * 2);
    let now = left().await;
    assert_eq!(now["invitationByToken"], Value::Null);
    assert_eq!(now["user"]["invitation"]["status"], "EXPIRED");
    // And they can be invited again.
    let payload = administrator.mutate("resendInvitation", input, "").await;
    assert_eq!(ids(&payload["userErrors"]), [""; 0]);
}

/// A change reads again what its actor may do, also where others have just changed the roles, and it does so
/// by its own connection: where changes hold all connections, it would wait for another one in vain.
#[tokio::test]
async fn a_change_needs_one_connection() {
    let settings = ["database.max_connections=2", "mail.queue.poll_interval=1h"];
    let server = TestServer::start_with(&settings).await;
    let administrator = server.administrator().await;
    let names = ["First", "Second", "Third", "Fourth"];
    let creating = names.map(|name| server.role(&administrator, name, &["users.view"]));
    let roles = futures_util::future::join_all(creating);
    let roles = server.within("roles that are made at once", roles).await;
    assert_eq!(roles.len(), names.len());
}

/// Where the database keeps what a migration did before its process died, the next start begins it again.
#[tokio::test]
async fn a_migration_that_was_broken_off_is_made_again() {
    let server = TestServer::start().await;
    let administrator = server.administrator().await;
    let since = "DELETE FROM seaql_migrations WHERE version >= 'm20261128_000015'";
    execute(&server, since).await;
    server.server.stop();
    server.server.stopped().await;
    let again = TestServer::start_on(server.database, &[]).await;
    let administrator = Client {
        url: again.url.clone(),
        ..administrator
    };
    let answer = administrator.run("{ invitations { totalCount } }").await;
    assert_eq!(answer.data()["invitations"]["totalCount"], 1);
}
