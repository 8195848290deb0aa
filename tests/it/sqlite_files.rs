//! SQLite's file as operators meet it: taken by another server, not theirs to write to, damaged, or on a
//! disk that is full.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Binary, Client, Finish, PASSWORD, TestServer, skipped, within};

/// Nobody's user number.
const NOBODY: u32 = 65534;

fn usher(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    command.current_dir(folder).args(arguments);
    command
}

const SERVER: [&str; 2] = ["--set", "server.bind=127.0.0.1:0"];

/// What a command says that must fail, in one sentence.
#[track_caller]
fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let said: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("usher: "))
        .collect();
    assert_eq!(said.len(), 1, "{text}");
    for debug in ["Err(", "SqliteError", "RuntimeErr", "{ "] {
        assert!(!text.contains(debug), "{text}");
    }
    said[0].strip_prefix("usher: ").unwrap().to_owned()
}

fn report(output: Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}

fn migrated() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(usher(folder.path(), &["migrate"]).finish().status.success());
    folder
}

/// The folder may be another user's than whoever runs the command.
#[test]
fn a_lock_that_leads_to_another_file_is_refused_and_the_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    let lock = folder.path().join("usher.db-lock");
    for link in [std::os::unix::fs::symlink, fs::hard_link::<&Path, &Path>] {
        fs::write(&other, "somebody's").unwrap();
        link(&other, &lock).unwrap();
        let said = complaint(&usher(folder.path(), &SERVER).finish());
        assert!(said.contains("usher.db-lock cannot be locked"), "{said}");
        assert_eq!(fs::read_to_string(&other).unwrap(), "somebody's");
        fs::remove_file(&lock).unwrap();
    }
}

/// Whoever only reads, or changes a little and goes, is no second server.
#[test]
fn a_second_server_on_one_file_is_refused_and_a_command_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = Binary::start(folder.path(), &["mail.transport=file"]);
    let lock = folder.path().join("usher.db-lock");
    assert_eq!(
        fs::metadata(&lock).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let holder = format!("(process {})", first.id());
    // By another name as well.
    std::os::unix::fs::symlink(
        folder.path().join("usher.db"),
        folder.path().join("link.db"),
    )
    .unwrap();
    for second in [
        &SERVER[..],
        &["worker"],
        &["serve", "--no-worker", SERVER[0], SERVER[1]],
        &[
            SERVER[0],
            SERVER[1],
            "--set",
            "database.url=sqlite:link.db?mode=rwc",
        ],
    ] {
        let refusal = complaint(&usher(folder.path(), second).finish());
        assert!(refusal.contains("another process of Usher's"), "{refusal}");
        assert!(refusal.contains(&holder), "{refusal}");
    }
    for command in [
        &["invite-administrator", "admin@example.com"][..],
        &["migrate"],
        &["backup", "backup.db"],
    ] {
        let output = usher(folder.path(), command).finish();
        assert!(output.status.success(), "{output:?}");
    }
    // However it ends, nothing is left to be cleared away.
    drop(first);
    Binary::start(folder.path(), &["mail.transport=file"]).stop();
}

/// The binary as somebody who owns nothing, where this is the superuser, who may do everything.
fn as_nobody(command: &mut Command) -> Output {
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.finish()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// All that a server and its doctor say of a database that they may not work with.
#[test]
fn what_may_not_be_written_is_said_in_one_sentence() {
    let folder = migrated();
    let database = folder.path().join("usher.db");
    let both = |why: &str| {
        let refusal = complaint(&as_nobody(&mut usher(folder.path(), &SERVER)));
        assert!(refusal.starts_with("database sqlite:"), "{refusal}");
        assert!(refusal.contains(why), "{why}: {refusal}");
        let report = report(as_nobody(&mut usher(folder.path(), &["doctor"])));
        let finding = report
            .lines()
            .find(|line| line.starts_with("FAIL  database: "));
        assert!(
            finding.is_some_and(|finding| finding.contains(why)),
            "{why}: {report}"
        );
    };
    let is_root = rustix::process::geteuid().is_root();
    let owner = fs::metadata(&database).unwrap().uid();
    if is_root {
        // The server's own folder, and a file of the superuser's in it, whom a command was run as.
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        both(&format!(
            "belongs to user number {owner}, and may not be written to by user number"
        ));
        chown(&database, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    set_mode(&database, 0o400);
    both("may not be written to by user number");
    set_mode(&database, 0o600);
    set_mode(folder.path(), 0o500);
    both("may not be written to by user number");
    set_mode(folder.path(), 0o700);
    let read_only = ["--set", "database.url=sqlite:usher.db?mode=ro"];
    let refusal = complaint(&usher(folder.path(), &[&SERVER[..], &read_only].concat()).finish());
    assert!(refusal.contains("the address says mode=ro"), "{refusal}");
    let backup = [&["backup", "backup.db"][..], &read_only].concat();
    assert!(usher(folder.path(), &backup).finish().status.success());
    fs::remove_file(&database).unwrap();
    fs::create_dir(&database).unwrap();
    let refusal = complaint(&usher(folder.path(), &SERVER).finish());
    assert!(refusal.contains("is a folder"), "{refusal}");
}

/// What the superuser restores, or starts with a command, the server's own user can go on with.
#[test]
fn what_the_superuser_creates_belongs_to_the_databases_owner() {
    if !rustix::process::geteuid().is_root() {
        return skipped("only the superuser gives files away");
    }
    let folder = migrated();
    let database = folder.path().join("usher.db");
    for path in [folder.path(), &database] {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for command in [
        &["backup", "backup.db"][..],
        &["restore", "backup.db", "--replace"],
    ] {
        let output = usher(folder.path(), command).finish();
        assert!(output.status.success(), "{output:?}");
    }
    for name in ["usher.db", "usher.db-lock"] {
        let file = fs::metadata(folder.path().join(name)).unwrap();
        assert_eq!((file.uid(), file.mode() & 0o777), (NOBODY, 0o600), "{name}");
    }
}

/// What is done to a file's bytes.
type Damage = fn(&mut Vec<u8>);

#[test]
fn a_damaged_file_is_named_and_so_is_what_to_do() {
    let folder = migrated();
    let database = folder.path().join("usher.db");
    let sound = fs::read(&database).unwrap();
    let damages: [(&str, Damage); 3] = [
        ("its beginning", |bytes| bytes[..100].fill(0xA5)),
        ("its middle", |bytes| {
            let (from, to) = (bytes.len() / 4, bytes.len() * 3 / 4);
            bytes[from..to].fill(0xA5);
        }),
        ("its end", |bytes| bytes.truncate(8192)),
    ];
    for (what, damage) in damages {
        let mut bytes = sound.clone();
        damage(&mut bytes);
        fs::write(&database, bytes).unwrap();
        let report = report(usher(folder.path(), &["doctor"]).finish());
        assert!(
            report.contains("FAIL  database: ") && report.contains("damaged"),
            "{what}: {report}"
        );
        let refusal = complaint(&usher(folder.path(), &SERVER).finish());
        assert!(
            refusal.contains("usher restore FILE --replace"),
            "{what}: {refusal}"
        );
    }
}

/// A disk of a few megabytes, or, where none may be made, files that may not grow any further.
struct Disk {
    folder: TempDir,
    server: Binary,
    is_real: bool,
}

const DISK: u64 = 4 << 20;

impl Disk {
    /// Starts a server on it.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let unshare = Command::new("unshare").args(["-rm", "true"]).finish();
        let is_real = unshare.status.success();
        let settings = "--set server.bind=127.0.0.1:0 --set mail.transport=log --set passwords.argon2.memory_kib=8 \
             --set passwords.argon2.iterations=1 --set database.url=sqlite:data/usher.db?mode=rwc";
        let usher = env!("CARGO_BIN_EXE_usher");
        let mut command = if is_real {
            let script =
                format!("mount -t tmpfs -o size={DISK} tmpfs data && exec {usher} {settings}");
            let mut command = Command::new("unshare");
            command.args(["-rm", "sh", "-c", &script]);
            command
        } else {
            let script =
                format!("trap '' XFSZ; exec prlimit --fsize={DISK}:unlimited {usher} {settings}");
            let mut command = Command::new("sh");
            command.args(["-c", &script]);
            command
        };
        command.current_dir(folder.path());
        Self {
            server: Binary::spawn(command),
            folder,
            is_real,
        }
    }

    /// Runs a command where the disk is seen.
    fn run(&self, script: &str) -> Output {
        if !self.is_real {
            let mut command = Command::new("sh");
            return command
                .current_dir(self.folder.path())
                .args(["-c", script])
                .finish();
        }
        let target = self.server.id().to_string();
        let script = format!("cd {} && {script}", self.folder.path().display());
        Command::new("nsenter")
            .args([
                "--preserve-credentials",
                "-U",
                "-m",
                "-t",
                &target,
                "sh",
                "-c",
                &script,
            ])
            .finish()
    }

    fn usher(&self, arguments: &str) -> Output {
        let url = "database.url=sqlite:data/usher.db?mode=rwc";
        self.run(&format!(
            "{} --set {url} {arguments}",
            env!("CARGO_BIN_EXE_usher")
        ))
    }

    /// Takes what room is left on it, but for a little.
    fn fill(&self) {
        if self.is_real {
            self.run("head -c 100M /dev/zero > data/filler; truncate -s -64K data/filler");
        }
    }

    /// Makes room.
    fn free(&self) {
        if self.is_real {
            assert!(self.run("rm data/filler").status.success());
        } else {
            let id = self.server.id().to_string();
            let lifted = Command::new("prlimit")
                .args(["--fsize=unlimited", "--pid", &id])
                .finish();
            assert!(lifted.status.success(), "{lifted:?}");
        }
    }
}

async fn get(client: &Client, url: &str) -> (u16, String) {
    let answer = client.http.get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn invite(administrator: &Client, role: &Value, number: u32) -> Option<Value> {
    let document =
        "mutation($input: InviteUserInput!) { inviteUser(input: $input) { userErrors { code } } }";
    let email = format!("user{number}@kbank.com");
    let input = json!({ "input": { "email": email, "roleIds": [role] } });
    let answer = administrator.run_with(document, input).await;
    assert!(
        [200, 503].contains(&answer.status.into()),
        "{:?}",
        answer.body
    );
    match answer.body.get("errors") {
        Some(errors) => Some(errors[0].clone()),
        None => {
            assert_eq!(answer.data()["inviteUser"]["userErrors"], json!([]));
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_reads_go_on_and_nothing_is_half_done() {
    let disk = Disk::start();
    let said = disk.usher("invite-administrator admin@example.com");
    let said = report(said);
    let token = said.trim_end().rsplit_once("token=").unwrap().1;
    let input = json!({ "token": token, "password": PASSWORD });
    let anonymous = Client::anonymous(disk.server.url.clone());
    let payload = anonymous.mutate("acceptInvitation", input, "token").await;
    let administrator = anonymous.with_token(payload["token"].as_str().unwrap());
    let answer = administrator.run("{ roles { nodes { id } } }").await;
    let role = answer.data()["roles"]["nodes"][0]["id"].clone();

    disk.fill();
    let (mut number, mut invited, mut refused) = (0, 0, 0);
    // A change that takes less room may still be made, so that one refusal is not the end.
    while refused < 5 {
        number += 1;
        match invite(&administrator, &role, number).await {
            None => (invited, refused) = (invited + 1, 0),
            Some(error) => {
                if disk.is_real {
                    assert_eq!(error["extensions"]["code"], "UNAVAILABLE", "{error}");
                }
                refused += 1;
            }
        }
        assert!(number < 5000, "it does not become full");
        if refused == 0 {
            continue;
        }
        let counted = "{ users { totalCount }
            invited: events(filter: { actions: [USER_INVITED] }) { totalCount }
            emails(filter: { kinds: INVITATION }) { totalCount } }";
        let answer = administrator.run(counted).await;
        // One more is the administrator, who was invited twice.
        let counts = json!({
            "users": { "totalCount": invited + 1 },
            "invited": { "totalCount": invited + 1 },
            "emails": { "totalCount": invited + 2 },
        });
        assert_eq!(answer.data(), &counts);
    }
    if disk.is_real {
        let report = report(disk.usher("doctor"));
        assert!(
            report.contains("FAIL  database: there is room for 0 MiB"),
            "{report}"
        );
        let full = "FAIL  database: nothing can be changed: the disk is full";
        assert!(report.contains(full), "{report}");
    }
    let readyz = format!("{}/readyz", disk.server.url);
    let (status, why) = get(&administrator, &readyz).await;
    let cause = if disk.is_real {
        "its disk is full"
    } else {
        "its disk reports an error"
    };
    assert_eq!(status, 503, "{why}");
    assert!(why.contains(cause), "{why}");
    disk.free();
    assert_eq!(
        invite(&administrator, &role, 0).await,
        None,
        "it recovers by itself"
    );
    // The worker as well: what was queued before is sent.
    let sent = async {
        loop {
            let query = "{ emails(filter: { statuses: [QUEUED, SENDING] }) { totalCount } }";
            if administrator.run(query).await.data()["emails"]["totalCount"] == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("all to be sent", sent).await;
    let ready = async { while get(&administrator, &readyz).await.0 != 200 {} };
    within("the server to be ready again", ready).await;
    let backup = disk.usher("backup backup.db");
    assert!(backup.status.success(), "it is sound: {backup:?}");
    let log = disk.server.stop();
    let why = if disk.is_real {
        "database or disk is full"
    } else {
        "disk I/O error"
    };
    assert!(log.contains(why), "{log}");
    let said = format!("takes no changes: {cause}");
    assert_eq!(log.matches(&said).count(), 1, "{log}");
    assert_eq!(log.matches("takes changes again").count(), 1, "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn a_server_whose_file_gets_damaged_is_not_ready() {
    let server = TestServer::start().await;
    if !server.database.is_sqlite() {
        return skipped("other databases look after their own files");
    }
    let client = server.anonymous();
    let readyz = format!("{}/readyz", server.url);
    assert_eq!(get(&client, &readyz).await, (200, "ok\n".to_owned()));
    let database = Database::connect(&server.database.url).await.unwrap();
    // What is in the file alone is damaged for everybody.
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    database.execute_unprepared(checkpoint).await.unwrap();
    database.close().await.unwrap();
    let url = server.database.url.strip_prefix("sqlite://").unwrap();
    let path = url.split_once('?').map_or(url, |(path, _)| path);
    let whole = fs::read(path).unwrap();
    let mut damaged = whole.clone();
    damaged[20 * 4096..].fill(0xff);
    fs::write(path, damaged).unwrap();

    let query = r#"mutation {
        requestPasswordReset(input: { email: "ada@kbank.com" }) { userErrors { code } }
    }"#;
    let answer = client.run(query).await;
    assert_eq!(answer.code(), "UNAVAILABLE", "{}", answer.body);
    let why = "the database does not work: its file is damaged\n";
    assert_eq!(get(&client, &readyz).await, (503, why.to_owned()));
    // Each test's database is looked through at its end.
    fs::write(path, whole).unwrap();
}

/// Where nothing can be written, a session's last use cannot be noted either.
#[tokio::test]
async fn who_only_reads_does_not_need_the_disk() {
    let server = TestServer::start().await;
    if !server.database.is_sqlite() {
        return skipped("a trigger of SQLite's stands in for the disk");
    }
    let administrator = server.administrator().await;
    let transaction = server.server.app.db.begin().await.unwrap();
    let refuse =
        "CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(FAIL, 'full'); END";
    transaction.execute_batch(refuse).await.unwrap();
    transaction.commit().await.unwrap();
    server.advance(Duration::from_secs(120));
    let answer = administrator.run("{ viewer { email } }").await;
    assert_eq!(answer.data()["viewer"]["email"], "admin@example.com");
}
