//! `usher copy`: from any database to any other, where everything goes on.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use sea_orm::ConnectionTrait;
use serde_json::json;
use tempfile::TempDir;

use crate::bulk_sending::queue;
use crate::support::{Binary, Client, Finish, PASSWORD, TestDatabase, TestServer, dump, token_in};

/// How many e-mails wait: more than are copied at once.
const WAITING: usize = 600;

fn copy(from: &str, to: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let from = format!("database.url={from}");
    Command::new(env!("CARGO_BIN_EXE_usher"))
        .current_dir(folder.path())
        .args(["copy", "--set", &from, "--to", to])
        .finish()
}

#[track_caller]
fn copied(from: &str, to: &str) -> String {
    let output = copy(from, to);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refusal(from: &str, to: &str) -> String {
    let output = copy(from, to);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    text.strip_prefix("usher: ").unwrap().trim_end().to_owned()
}

fn sqlite(folder: &TempDir, name: &str) -> String {
    format!("sqlite://{}/{name}?mode=rwc", folder.path().display())
}

/// A server that was stopped, and what its people hold.
struct Past {
    database: TestDatabase,
    administrator: Client,
    /// Laura's invitation, which is open.
    link: String,
    /// A password reset of the administrator's, which is open.
    reset: String,
}

/// A deployment in the middle of everything: somebody is signed in, somebody invited, a password is about
/// to be reset, e-mails wait, some were sent, one has failed, one was cancelled.
async fn past() -> Past {
    let server = TestServer::start_with(&["mail.queue.max_attempts=1"]).await;
    let administrator = server.administrator().await;
    let role = server
        .role(&administrator, "Éditeur 🖋", &["content-hub.create"])
        .await;
    let (_, link) = server
        .invite(&administrator, "laura@kbank.com", &role)
        .await;
    server
        .user_with(&administrator, "Jörg.Straße@kbank.com", &["users.view"])
        .await;
    let request = json!({ "email": "admin@example.com" });
    administrator
        .mutate("requestPasswordReset", request, "")
        .await;
    let reset = token_in(&server.inbox.next().await);
    server.inbox.refuse(Some(transports::Failure::Permanent));
    let test = async |to: &str| {
        let test = json!({ "to": to, "idempotencyKey": to });
        administrator.mutate("sendTestEmail", test, "").await;
    };
    test("failed@kbank.com").await;
    let failed = json!({ "to": "failed@" });
    server.emails_in(&administrator, failed, "FAILED").await;
    server.inbox.refuse(None);
    administrator
        .run("mutation { pauseEmailQueue { userErrors { code } } }")
        .await
        .data();
    let waiting = (0..WAITING).map(|number| format!("user{number}@waiting.example"));
    queue(&server.server.app, waiting).await;
    test("cancelled@kbank.com").await;
    let cancelled = json!({ "filter": { "to": "cancelled@" } });
    administrator.mutate("cancelEmails", cancelled, "").await;
    let sign_in = json!({ "email": "admin@example.com", "password": "wrong-wrong-wrong" });
    server.anonymous().mutate("signIn", sign_in, "").await;
    let database = server.database.clone();
    server.server.stop();
    server.server.stopped().await;
    Past {
        database,
        administrator,
        link,
        reset,
    }
}

/// Everything that is stored, but for what each database keeps for itself.
async fn stored(url: &str) -> Vec<(String, String)> {
    let is_own =
        |column: &str| column.starts_with("seaql_migrations.") || column.contains("_search");
    let mut stored = dump(url.to_owned()).await;
    stored.retain(|(column, _)| !is_own(column) || column == "users.search_text");
    stored.sort();
    stored
}

/// Whoever was in the middle of something goes on with it there.
async fn goes_on(database: TestDatabase, past: &Past) {
    let server = TestServer::start_on(database, &[]).await;
    let token = past.administrator.token.as_ref().unwrap();
    let administrator = server.anonymous().with_token(token);
    let query = r#"{
        viewer { email roles { name } }
        emailQueue { isPaused pausedBy { email } counts { status count } }
        byName: users(filter: { search: "straße" }) { nodes { status } }
        roles { nodes { name permissions users { totalCount } } }
        failed: emails(filter: { to: "failed@" }) { nodes { status attempts { response } } }
        events(filter: { actions: [SIGN_IN_FAILED] }) { totalCount }
    }"#;
    let answer = administrator.run(query).await;
    let data = answer.data();
    assert_eq!(data["viewer"]["email"], "admin@example.com");
    assert_eq!(data["emailQueue"]["isPaused"], true);
    assert_eq!(data["emailQueue"]["pausedBy"]["email"], "admin@example.com");
    assert_eq!(data["byName"]["nodes"], json!([{ "status": "ACTIVE" }]));
    let roles = data["roles"]["nodes"].as_array().unwrap();
    let role = roles
        .iter()
        .find(|role| role["name"] == "Éditeur 🖋")
        .unwrap();
    let permissions = role["permissions"].as_array().unwrap();
    assert_eq!(permissions.len(), 2);
    assert!(permissions.contains(&json!("content-hub.create")));
    let failed = &data["failed"]["nodes"][0];
    assert_eq!(failed["status"], "FAILED");
    assert!(failed["attempts"][0]["response"].is_string());
    assert_eq!(data["events"]["totalCount"], 1);

    let laura = server.accept(&past.link).await;
    let answer = laura.run("{ viewer { email roles { name } } }").await;
    let roles = json!([{ "name": "Éditeur 🖋" }]);
    assert_eq!(
        answer.data()["viewer"],
        json!({ "email": "laura@kbank.com", "roles": roles })
    );
    administrator
        .run("mutation { resumeEmailQueue { userErrors { code } } }")
        .await
        .data();
    server.all_sent(&administrator).await;
    let sent = json!({ "statuses": ["SENT"], "to": "@waiting.example" });
    let query = "query($filter: EmailFilter) { emails(filter: $filter) { totalCount } }";
    let answer = administrator
        .run_with(query, json!({ "filter": sent }))
        .await;
    assert_eq!(answer.data()["emails"]["totalCount"], WAITING);
    let new = "quartz-lantern-58-meadow";
    let input = json!({ "token": past.reset, "newPassword": new });
    let anonymous = server.anonymous();
    let payload = anonymous
        .mutate("resetPassword", input, "user { email }")
        .await;
    assert_eq!(payload["user"]["email"], "admin@example.com", "{payload:#}");
    let input = json!({ "email": "jörg.straße@KBANK.com", "password": PASSWORD });
    let payload = anonymous.mutate("signIn", input, "user { id }").await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
}

/// There and back again: by SQLite to another database of the kind that is being tested.
#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_on_in_another_database() {
    let past = past().await;
    let folder = tempfile::tempdir().unwrap();
    let file = sqlite(&folder, "file.db");
    let said = copied(&past.database.url, &file);
    assert!(said.contains("the number of rows is the same"), "{said}");
    assert_eq!(tables_in(&said), tables_of(&folder, "file.db"));
    let emails = said.lines().find(|line| line.starts_with("emails "));
    assert!(
        emails.unwrap().ends_with(&format!(" {}", WAITING + 6)),
        "{said}"
    );
    let third = TestDatabase::create().await;
    copied(&file, &third.url);
    let (before, after) = (stored(&past.database.url).await, stored(&third.url).await);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    assert_eq!(before.len(), after.len());
    goes_on(TestDatabase::at(file), &past).await;
    goes_on(third, &past).await;
}

/// The tables of which is said how many rows they have.
fn tables_in(said: &str) -> BTreeSet<String> {
    let lines = said
        .lines()
        .filter(|line| line.ends_with(|c: char| c.is_ascii_digit()));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

/// The tables that are to be copied: whoever adds one adds it to `src/database/copy.rs`.
fn tables_of(folder: &TempDir, file: &str) -> BTreeSet<String> {
    let database = rusqlite::Connection::open(folder.path().join(file)).unwrap();
    let mut tables = database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%\\_search%' ESCAPE '\\'")
        .unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let tables = tables.map(Result::unwrap);
    tables.filter(|name| name != "seaql_migrations").collect()
}

/// Another program's tables, or somebody else's people, are no place to copy to.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_copied_to_where_something_is() {
    let folder = tempfile::tempdir().unwrap();
    let from = sqlite(&folder, "from.db");
    migrate(&from);
    let refused = refusal(&from, &from);
    assert!(
        refused.contains("is the database that is to be copied"),
        "{refused}"
    );
    let refused = refusal(&from, "rubbish://s3cret");
    assert!(refused.contains("--to: must start with"), "{refused}");
    assert!(!refused.contains("s3cret"), "{refused}");

    let to = TestDatabase::create().await;
    execute(&to.url, "CREATE TABLE roles (name VARCHAR(9))").await;
    let refused = refusal(&from, &to.url);
    assert!(
        refused.contains("tables of the same names: roles"),
        "{refused}"
    );
    execute(&to.url, "DROP TABLE roles").await;
    execute(
        &to.url,
        "CREATE TABLE seaql_migrations (version VARCHAR(99), applied_at BIGINT)",
    )
    .await;
    execute(
        &to.url,
        "INSERT INTO seaql_migrations VALUES ('m20200101_000001_cakes', 0)",
    )
    .await;
    let refused = refusal(&from, &to.url);
    assert!(
        refused.contains("same names: seaql_migrations"),
        "{refused}"
    );
    execute(&to.url, "DROP TABLE seaql_migrations").await;
    // Tables of other names are nobody's business, and neither is an empty schema.
    execute(&to.url, "CREATE TABLE cakes (name VARCHAR(9))").await;
    copied(&from, &to.url);
    copied(&from, &to.url);
    let database = to.clone();
    let server = TestServer::start_on(to, &[]).await.server;
    server.stop();
    server.stopped().await;
    let refused = refusal(&from, &database.url);
    assert!(refused.contains("it is not empty: "), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_on_which_a_server_runs_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (sqlite(&folder, "from.db"), sqlite(&folder, "to.db"));
    let server = Binary::start(folder.path(), &[&format!("database.url={from}")]);
    let refused = refusal(&from, &to);
    assert!(refused.contains("Stop that one first"), "{refused}");
    server.stop();
    let server = Binary::start(folder.path(), &[&format!("database.url={to}")]);
    let refused = refusal(&from, &to);
    assert!(
        refused.contains("--to: ") && refused.contains("Stop that one first"),
        "{refused}"
    );
    server.stop();
}

/// A row that cannot be stored elsewhere is named, and nothing is half done.
#[tokio::test(flavor = "multi_thread")]
async fn everything_is_copied_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let from = sqlite(&folder, "from.db");
    let server = Binary::start(
        folder.path(),
        &[&format!("database.url={from}"), "mail.transport=file"],
    );
    server.stop();
    execute(&from, "UPDATE emails SET created_at = 'yesterday'").await;
    let to = TestDatabase::create().await;
    let refused = refusal(&from, &to.url);
    assert!(refused.starts_with("emails: the row 01"), "{refused}");
    assert!(refused.contains("something in created_at"), "{refused}");
    assert!(refused.contains("as empty as before"), "{refused}");
    execute(&from, "UPDATE emails SET created_at = 0").await;
    let said = copied(&from, &to.url);
    let users = said.lines().find(|line| line.starts_with("users "));
    assert!(users.unwrap().ends_with(" 1"), "{said}");
}

fn migrate(url: &str) {
    let url = format!("database.url={url}");
    let mut migrate = Command::new(env!("CARGO_BIN_EXE_usher"));
    let output = migrate.args(["migrate", "--set", &url]).finish();
    assert!(output.status.success(), "{output:?}");
}

#[allow(clippy::disallowed_methods, reason = "what another program does")]
async fn execute(url: &str, sql: &str) {
    let database = sea_orm::Database::connect(url).await.unwrap();
    database.execute_unprepared(sql).await.unwrap();
    database.close().await.unwrap();
}
