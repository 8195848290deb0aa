//! Backups: taken while people go on working, and restored in such a way that nothing comes back to life
//! that was ended since.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use migration::{Migrator, MigratorTrait};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Binary, Client, Finish, PASSWORD, TestDatabase, TestServer, skipped};

const SETTINGS: [&str; 4] = [
    "mail.transport=file",
    "passwords.argon2.memory_kib=8",
    "passwords.argon2.iterations=1",
    "mail.queue.poll_interval=1s",
];

fn usher(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_usher"))
        .current_dir(folder)
        .args(arguments)
        .finish()
}

/// What a command prints that must succeed.
#[track_caller]
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = usher(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one sentence of a command that must fail.
#[track_caller]
fn complaint(folder: &Path, arguments: &[&str]) -> String {
    let output = usher(folder, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text.strip_prefix("usher: ").unwrap().trim_end().to_owned()
}

/// A folder with a database, and a server on it.
struct Installation {
    folder: TempDir,
    server: Binary,
}

impl Installation {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Binary::start(folder.path(), &SETTINGS);
        Self { folder, server }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The server is killed, so that SQLite leaves its log beside the file.
    fn kill(self) -> TempDir {
        drop(self.server);
        self.folder
    }

    fn stop(self) -> TempDir {
        self.server.stop();
        self.folder
    }

    fn start_again(folder: TempDir) -> Self {
        let server = Binary::start(folder.path(), &SETTINGS);
        Self { folder, server }
    }

    fn anonymous(&self) -> Client {
        Client::anonymous(self.server.url.clone())
    }

    async fn administrator(&self) -> Client {
        let invite = ["invite-administrator", "admin@example.com"];
        let link = printed(self.folder(), &invite);
        self.accept(&token(link.trim_end())).await
    }

    async fn accept(&self, token: &str) -> Client {
        let input = json!({ "token": token, "password": PASSWORD });
        self.signed_in_by("acceptInvitation", input).await
    }

    async fn signed_in_by(&self, mutation: &str, input: Value) -> Client {
        let client = self.anonymous();
        let payload = client.mutate(mutation, input, "token").await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        client.with_token(payload["token"].as_str().unwrap())
    }

    /// How many e-mails were handed over.
    fn mails(&self) -> usize {
        let files = fs::read_dir(self.folder().join("mail/new"));
        files.map_or(0, Iterator::count)
    }
}

fn token(link: &str) -> String {
    link.rsplit_once("token=").unwrap().1.to_owned()
}

async fn run(client: &Client, mutation: &str) {
    let document = format!("mutation {{ {mutation} {{ userErrors {{ code }} }} }}");
    let answer = client.run(&document).await;
    assert_eq!(answer.data()[mutation]["userErrors"], json!([]));
}

/// Invites somebody, and returns the token of their link, which whoever invites them is shown.
async fn invite(administrator: &Client, email: &str) -> String {
    let roles = administrator.run("{ roles { nodes { id } } }").await;
    let role = &roles.data()["roles"]["nodes"][0]["id"];
    let input = json!({ "email": email, "roleIds": [role] });
    let payload = administrator
        .mutate("inviteUser", input, "user { id }")
        .await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    let query = "query($to: String!) { emails(filter: { to: $to }) { nodes { link } } }";
    let answer = administrator.run_with(query, json!({ "to": email })).await;
    let link = &answer.data()["emails"]["nodes"][0]["link"];
    token(link.as_str().unwrap())
}

async fn who(client: &Client) -> Value {
    client.run("{ viewer { email } }").await.data()["viewer"].clone()
}

fn number(file: &Path, sql: &str) -> i64 {
    let database = Connection::open(file).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn execute(file: &Path, sql: &str) {
    Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Whoever is invited is stored with an invitation, an e-mail and an event, or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_whole_and_private_whatever_the_server_writes_meanwhile() {
    let installation = Installation::start();
    let administrator = installation.administrator().await;
    let mut users = 0;
    for round in 0..4 {
        let file = installation.folder().join(format!("backup-{round}.db"));
        let arguments = ["backup".to_owned(), file.to_str().unwrap().to_owned()];
        invite(&administrator, &format!("before-{round}@kbank.com")).await;
        let folder = installation.folder().to_owned();
        let backup = tokio::task::spawn_blocking(move || {
            let arguments = arguments.each_ref().map(String::as_str);
            printed(&folder, &arguments)
        });
        let mut invited = 0;
        while !backup.is_finished() || invited == 0 {
            let email = format!("user-{round}-{invited}@kbank.com");
            invite(&administrator, &email).await;
            invited += 1;
        }
        let said = backup.await.unwrap();
        assert_eq!(mode(&file), 0o600);
        for odd in [
            "SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT user_id FROM invitations)",
            "SELECT COUNT(*) FROM invitations WHERE id NOT IN (SELECT invitation_id FROM emails WHERE invitation_id IS NOT NULL)",
            "SELECT COUNT(*) FROM users WHERE id NOT IN (SELECT subject_id FROM events WHERE subject_id IS NOT NULL)",
        ] {
            assert_eq!(number(&file, odd), 0, "{odd}");
        }
        let now = number(&file, "SELECT COUNT(*) FROM users");
        assert!(now > users, "{now}");
        users = now;
        let newest = version_before(0);
        assert!(
            said.contains(&format!("schema {newest}, {now} users")),
            "{said}"
        );
        let size = fs::metadata(&file).unwrap().len();
        assert!(said.contains(&format!("{size} bytes")), "{said}");
    }
    // The one that exists is left as it is.
    let file = installation.folder().join("backup-0.db");
    let before = fs::read(&file).unwrap();
    let refusal = complaint(installation.folder(), &["backup", "backup-0.db"]);
    assert!(refusal.contains("not overwritten"), "{refusal}");
    assert!(fs::read(&file).unwrap() == before);
    let refusal = complaint(installation.folder(), &["backup", "nowhere/backup.db"]);
    assert!(refusal.starts_with("nowhere/backup.db: "), "{refusal}");
    let folder = installation.stop();
    let left = fs::read_dir(folder.path()).unwrap();
    let left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with('.')),
        "{left:?}"
    );
}

#[test]
fn what_is_damaged_or_not_ushers_is_not_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("usher.db");
    let backup = || complaint(folder.path(), &["backup", "backup.db"]);
    assert!(backup().contains("does not exist"));
    execute(
        &database,
        "CREATE TABLE users (id INTEGER); INSERT INTO users VALUES (1)",
    );
    let refusal = backup();
    assert!(refusal.contains("not a database of Usher's"), "{refusal}");
    fs::remove_file(&database).unwrap();
    printed(folder.path(), &["migrate"]);
    damage(&database);
    let refusal = backup();
    assert!(refusal.contains("damaged"), "{refusal}");
    assert!(!folder.path().join("backup.db").exists());
    let url = [
        "backup",
        "x",
        "--set",
        "database.url=postgres://usher:s3cret@db/usher",
    ];
    let refusal = complaint(folder.path(), &url);
    assert!(
        refusal.contains("pg_dump") && refusal.contains("mariadb-dump"),
        "{refusal}"
    );
    assert!(!refusal.contains("s3cret"), "{refusal}");
}

/// Writes over the middle of a file, so that trees of pages lead nowhere.
fn damage(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let (from, to) = (bytes.len() / 4, bytes.len() * 3 / 4);
    bytes[from..to].fill(0xA5);
    fs::write(file, bytes).unwrap();
}

/// A backup is taken; then a link is used, a session ended, the queue worked off. All of that is undone
/// by restoring the backup, and yet neither link nor session nor e-mail is there to be used again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_ended_since_the_backup_does_not_come_back_to_life() {
    let installation = Installation::start();
    let administrator = installation.administrator().await;
    run(&administrator, "pauseEmailQueue").await;
    let link = invite(&administrator, "laura@kbank.com").await;
    let unused = invite(&administrator, "unused@kbank.com").await;
    let test = json!({ "to": "test@kbank.com" });
    administrator.mutate("sendTestEmail", test, "").await;
    printed(installation.folder(), &["backup", "backup.db"]);
    // As of a moment at which nobody had paused it.
    let running = "UPDATE email_queue SET paused_at = NULL, paused_by = NULL";
    execute(&installation.folder().join("backup.db"), running);

    let laura = installation.accept(&link).await;
    assert_eq!(who(&laura).await["email"], "laura@kbank.com");
    run(&administrator, "resumeEmailQueue").await;
    let sent = json!({ "to": "test@kbank.com" });
    wait_for(&administrator, sent.clone(), "SENT").await;
    run(&administrator, "signOut").await;
    let mails = installation.mails();

    let restore = ["restore", "backup.db", "--replace"];
    let refusal = complaint(installation.folder(), &restore);
    assert!(refusal.contains("Stop that one first"), "{refusal}");
    let folder = installation.kill();
    assert!(folder.path().join("usher.db-wal").exists());
    let refusal = complaint(folder.path(), &restore[..2]);
    assert!(refusal.contains("with --replace"), "{refusal}");
    let said = printed(folder.path(), &restore);
    for part in [
        "is restored from backup.db: ",
        "The e-mail queue is paused, and holds 1 ",
        "All sessions were ended (1)",
        "2 to invitations, 0 to password resets",
        "Whatever was changed since then is undone",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The old one is whole, log and all: in it, Laura has accepted.
    let aside = said
        .lines()
        .find_map(|line| line.strip_prefix("The database before that is "));
    let aside = PathBuf::from(aside.unwrap().strip_suffix(" now.").unwrap());
    let active = "SELECT COUNT(*) FROM users WHERE password_hash IS NOT NULL";
    assert_eq!(number(&aside, active), 2);
    assert_eq!(mode(&folder.path().join("usher.db")), 0o600);

    let installation = Installation::start_again(folder);
    let refused = json!({ "code": "UNAUTHENTICATED" });
    for old in [&administrator, &laura] {
        let old = installation
            .anonymous()
            .with_token(old.token.as_ref().unwrap());
        let answer = old.run("{ emailQueue { isPaused } }").await;
        assert_eq!(
            answer.body["errors"][0]["extensions"]["code"],
            refused["code"]
        );
    }
    for token in [link, unused] {
        let input = json!({ "token": token, "password": PASSWORD });
        let payload = installation
            .anonymous()
            .mutate("acceptInvitation", input, "token")
            .await;
        assert_eq!(
            payload["userErrors"][0]["code"], "TOKEN_INVALID",
            "{payload:#}"
        );
    }
    let sign_in = json!({ "email": "admin@example.com", "password": PASSWORD });
    let administrator = installation.signed_in_by("signIn", sign_in).await;
    let query = "{ emailQueue { isPaused pausedAt pausedBy { id } }
        events(filter: { actions: [DATABASE_RESTORED] }) { nodes { actorLabel changes { field before after } } }
        emails(filter: { to: \"laura@\" }) { nodes { status } } }";
    let answer = administrator.run(query).await;
    let data = answer.data();
    assert_eq!(data["emailQueue"]["isPaused"], true);
    assert_eq!(data["emails"]["nodes"][0]["status"], "CANCELLED");
    let changes = json!([
        { "field": "sessions", "before": "1", "after": null },
        { "field": "invitations", "before": "2", "after": null },
    ]);
    let event = json!([{ "actorLabel": "server", "changes": changes }]);
    assert_eq!(data["events"]["nodes"], event);
    wait_for(&administrator, sent.clone(), "QUEUED").await;
    assert_eq!(installation.mails(), mails, "nothing was sent again");
    run(&administrator, "resumeEmailQueue").await;
    wait_for(&administrator, sent, "SENT").await;
    assert_eq!(installation.mails(), mails + 1);
    installation.stop();
}

async fn wait_for(reader: &Client, filter: Value, status: &str) {
    let query = "query($filter: EmailFilter) { emails(filter: $filter) { nodes { status } } }";
    let reached = async {
        loop {
            let answer = reader.run_with(query, json!({ "filter": filter })).await;
            if answer.data()["emails"]["nodes"][0]["status"] == status {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    crate::support::within(status, reached).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_ended_can_be_kept() {
    let installation = Installation::start();
    let administrator = installation.administrator().await;
    run(&administrator, "pauseEmailQueue").await;
    let link = invite(&administrator, "laura@kbank.com").await;
    printed(installation.folder(), &["backup", "backup.db"]);
    let folder = installation.stop();
    let restore = [
        "restore",
        "backup.db",
        "--replace",
        "--keep-sessions",
        "--keep-links",
    ];
    let said = printed(folder.path(), &restore);
    assert!(
        said.contains("is signed in now") && said.contains("Links that were open"),
        "{said}"
    );
    let installation = Installation::start_again(folder);
    let token = administrator.token.as_ref().unwrap();
    let administrator = installation.anonymous().with_token(token);
    assert_eq!(who(&administrator).await["email"], "admin@example.com");
    installation.accept(&link).await;
    // Whoever had paused it is still the one who has.
    let query = "{ emailQueue { pausedBy { email } } }";
    let answer = administrator.run(query).await;
    assert_eq!(
        answer.data()["emailQueue"]["pausedBy"]["email"],
        "admin@example.com"
    );
    installation.stop();
}

/// What SQLite has left beside a file never meets another one: neither where the old file is gone, nor
/// where it is damaged.
#[tokio::test(flavor = "multi_thread")]
async fn no_leftover_log_meets_a_restored_database() {
    for is_damaged in [false, true] {
        let installation = Installation::start();
        printed(installation.folder(), &["backup", "backup.db"]);
        let administrator = installation.administrator().await;
        for number in 0..20 {
            invite(&administrator, &format!("user-{number}@kbank.com")).await;
        }
        let folder = installation.kill();
        let database = folder.path().join("usher.db");
        let wal = folder.path().join("usher.db-wal");
        assert!(fs::metadata(&wal).unwrap().len() > 100_000);
        let mut restore = vec!["restore", "backup.db"];
        if is_damaged {
            // The beginning, so that it cannot even be opened.
            let mut bytes = fs::read(&database).unwrap();
            bytes[..100].fill(0xA5);
            fs::write(&database, bytes).unwrap();
            restore.push("--replace");
        } else {
            fs::remove_file(&database).unwrap();
        }
        printed(folder.path(), &restore);
        assert!(!wal.exists());
        assert_eq!(number(&database, "SELECT COUNT(*) FROM users"), 1);
        let kept = fs::read_dir(folder.path()).unwrap().filter(|file| {
            let name = file.as_ref().unwrap().file_name();
            let name = name.to_string_lossy().into_owned();
            name.contains("-replaced-") && name.ends_with("-wal")
        });
        // A damaged beginning is mended from the log, which is then a part of the file.
        assert_eq!(kept.count(), usize::from(!is_damaged), "it is put aside");
        let installation = Installation::start_again(folder);
        let report = printed(installation.folder(), &["backup", "another.db"]);
        assert!(report.contains("1 user,"), "{report}");
        installation.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_sound_backup_of_this_or_an_older_version_is_restored() {
    let installation = Installation::start();
    let folder = installation.folder().to_owned();
    let path = |name: &str| folder.join(name);
    printed(&folder, &["backup", "backup.db"]);
    let _kept = installation.stop();
    fs::rename(path("usher.db"), path("old.db")).unwrap();

    fs::copy(path("backup.db"), path("damaged.db")).unwrap();
    damage(&path("damaged.db"));
    fs::copy(path("backup.db"), path("newer.db")).unwrap();
    execute(
        &path("newer.db"),
        "INSERT INTO seaql_migrations VALUES ('m20991231_000001_wings', 0)",
    );
    execute(&path("other.db"), "CREATE TABLE people (id INTEGER)");
    fs::write(path("text.db"), "no database at all\n".repeat(500)).unwrap();
    fs::write(path("empty.db"), "").unwrap();
    for (file, why) in [
        ("missing.db", "there is no such file"),
        ("damaged.db", "damaged"),
        ("newer.db", "does not know m20991231_000001_wings"),
        ("other.db", "not a database of Usher's"),
        ("text.db", "damaged, or is no database"),
        ("empty.db", "not a database of Usher's"),
    ] {
        let refusal = complaint(&folder, &["restore", file]);
        assert!(
            refusal.starts_with(file) && refusal.contains(why),
            "{refusal}"
        );
        assert!(!path("usher.db").exists(), "{file}");
    }
    older(&path("backup.db")).await;
    // As a backup that lies where nothing can be written.
    fs::set_permissions(path("backup.db"), Permissions::from_mode(0o400)).unwrap();
    let said = printed(&folder, &["restore", "backup.db"]);
    let older = version_before(1);
    assert!(said.contains(&format!("schema {older},")), "{said}");
    let refusal = complaint(&folder, &["restore", "usher.db"]);
    assert!(refusal.contains("is the database itself"), "{refusal}");
    assert!(printed(&folder, &["migrate"]).contains("already up to date"));
    let left = fs::read_dir(&folder).unwrap();
    let left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with(".usher")),
        "{left:?}"
    );
}

/// The name of the schema's version that is so many migrations old.
fn version_before(migrations: usize) -> String {
    let all = Migrator::migrations();
    let version = all.iter().rev().nth(migrations).unwrap();
    version.name().to_owned()
}

/// Takes the newest migration back.
#[allow(clippy::disallowed_methods, reason = "what another version left")]
async fn older(file: &Path) {
    let url = format!("sqlite://{}?mode=rw", file.display());
    let database = sea_orm::Database::connect(url).await.unwrap();
    Migrator::down(&database, Some(1)).await.unwrap();
    database.close().await.unwrap();
}

/// What the documents say for PostgreSQL and MariaDB, with their own tools.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_server_is_restored_by_its_own_tools() {
    let server = TestServer::start().await;
    if server.database.is_sqlite() {
        return skipped("SQLite has no tools of its own");
    }
    let administrator = server.administrator().await;
    run(&administrator, "pauseEmailQueue").await;
    let link = invite(&administrator, "laura@kbank.com").await;
    let another = TestDatabase::create().await;
    let folder = tempfile::tempdir().unwrap();
    let (dump, load) = tools(&server.database.url, &another.url);
    for command in [dump, load] {
        let output = Command::new("sh")
            .current_dir(folder.path())
            .args(["-c", &command])
            .finish();
        if output.status.code() == Some(127) {
            return skipped("the database's tools are not installed");
        }
        assert!(output.status.success(), "{command}: {output:?}");
    }
    let url = format!("database.url={}", another.url);
    let after = ["after-restore", "--set", &url];
    let said = printed(folder.path(), &after);
    for part in [
        "The schema is up to date.",
        "The e-mail queue is paused, and holds 0 ",
        "All sessions were ended (1)",
        "1 to invitations",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let restored = TestServer::start_on(another, &[]).await;
    let input = json!({ "token": link, "password": PASSWORD });
    let payload = restored
        .anonymous()
        .mutate("acceptInvitation", input, "token")
        .await;
    assert_eq!(
        payload["userErrors"][0]["code"], "TOKEN_INVALID",
        "{payload:#}"
    );
    let old = restored
        .anonymous()
        .with_token(administrator.token.as_ref().unwrap());
    assert_eq!(who(&old).await, Value::Null);
    let administrator = restored.sign_in("admin@example.com").await;
    let found = administrator
        .run("{ users(filter: { search: \"laur\" }) { totalCount } emailQueue { isPaused } }")
        .await;
    assert_eq!(found.data()["users"]["totalCount"], 1);
    assert_eq!(found.data()["emailQueue"]["isPaused"], true);
}

/// The command lines of docs/backup.md.
fn tools(from: &str, to: &str) -> (String, String) {
    if from.starts_with("postgres") {
        return (
            format!("pg_dump --format=custom --no-owner --file=usher.dump --dbname='{from}'"),
            format!(
                "pg_restore --no-owner --exit-on-error --single-transaction --dbname='{to}' usher.dump"
            ),
        );
    }
    let options = |url: &str| {
        let url = url::Url::parse(url).unwrap();
        format!(
            "--host={} --port={} --user={} {}",
            url.host_str().unwrap(),
            url.port().unwrap(),
            url.username(),
            url.path().trim_start_matches('/')
        )
    };
    (
        format!(
            "mariadb-dump --single-transaction --result-file=usher.sql {}",
            options(from)
        ),
        format!("mariadb {} < usher.sql", options(to)),
    )
}

/// A backup of an empty database is none.
#[tokio::test]
async fn nothing_is_recovered_where_nothing_was_restored() {
    let database = TestDatabase::create().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("database.url={}", database.url);
    let refusal = complaint(folder.path(), &["after-restore", "--set", &url]);
    let why = ["it is empty", "does not exist"];
    assert!(why.iter().any(|why| refusal.contains(why)), "{refusal}");
    printed(folder.path(), &["migrate", "--set", &url]);
}
