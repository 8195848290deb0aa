//! The binary itself: what it says when something is wrong, and that it stops when told to.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::smtp::{Answer, Behaviour, Server, Step};
use crate::support::{Client, Finish, PASSWORD, TestDatabase, Watchdog, end_of};

fn usher(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The one sentence of a command that must fail.
#[track_caller]
fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        !text.contains("backtrace") && !text.contains("panicked"),
        "{text}"
    );
    text.strip_prefix("usher: ").unwrap().trim_end().to_owned()
}

/// A server in a process of its own.
struct Running {
    child: Child,
    /// What it printed at its start.
    welcome: String,
    stdout: BufReader<std::process::ChildStdout>,
    stderr: BufReader<std::process::ChildStderr>,
    /// What has been read of its log.
    log: String,
}

impl Running {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let own = [
            "--set",
            "server.bind=127.0.0.1:0",
            "--set",
            "server.drain=0s",
        ];
        let arguments = [arguments, &own].concat();
        let mut child = usher(folder, &arguments).spawn().unwrap();
        let _in_time = Watchdog::over(&child);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut welcome = String::new();
        // The welcome ends with an empty line behind what to do next.
        while !welcome.ends_with("\n\n")
            || !welcome.contains("Mail")
            || welcome.matches("\n\n").count() < 3
        {
            if stdout.read_line(&mut welcome).unwrap() == 0 {
                break;
            }
        }
        Self {
            child,
            welcome,
            stdout,
            stderr,
            log: String::new(),
        }
    }

    /// Reads its log until that is in it.
    fn logs(&mut self, part: &str) {
        let _in_time = Watchdog::over(&self.child);
        while !self.log.contains(part) {
            assert!(
                self.stderr.read_line(&mut self.log).unwrap() > 0,
                "{}",
                self.log
            );
        }
    }

    fn address(&self) -> String {
        let line = self
            .welcome
            .lines()
            .find(|line| line.contains("Listening"))
            .unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    }

    fn stop(mut self, signal: &str) -> (i32, String) {
        let _in_time = Watchdog::over(&self.child);
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let mut log = self.log;
        self.stderr.read_to_string(&mut log).unwrap();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code().unwrap(), log)
    }
}

#[test]
fn the_first_start_invites_an_administrator_and_the_next_changes_nothing() {
    let folder = folder();
    let mut first = Running::start(folder.path(), &[]);
    for part in [
        "http://127.0.0.1:8000/graphql",
        "http://127.0.0.1:8000/playground",
        "log: e-mails are printed here",
        "admin@example.com has been invited as an administrator",
        "choose a password",
    ] {
        assert!(first.welcome.contains(part), "{}", first.welcome);
    }
    first.logs("e-mail sent");
    let (code, log) = first.stop("-TERM");
    assert_eq!(code, 0, "{log}");
    let link = |log: &str| {
        log.lines()
            .find(|line| line.starts_with("http://127.0.0.1:8000/accept-invitation#token="))
            .map(str::to_owned)
    };
    let first_link = link(&log);

    let second = Running::start(folder.path(), &[]);
    assert!(
        second.welcome.contains("has not accepted yet"),
        "{}",
        second.welcome
    );
    assert!(
        second
            .welcome
            .contains("usher invite-administrator admin@example.com")
    );
    let (code, log) = second.stop("-INT");
    assert_eq!(code, 0, "{log}");
    assert!(first_link.is_some());
    assert_eq!(link(&log), None, "printed once: {log}");

    let output = usher(
        folder.path(),
        &["invite-administrator", "admin@example.com"],
    )
    .finish();
    assert!(output.status.success(), "{output:?}");
    let fresh = String::from_utf8(output.stdout).unwrap();
    let fresh = fresh.lines().last().unwrap();
    assert!(
        fresh.starts_with("http://127.0.0.1:8000/accept-invitation#token="),
        "{fresh}"
    );
    assert_ne!(first_link.as_deref(), Some(fresh));
}

/// The way back in for an administrator who has lost their password while no e-mail arrives.
#[tokio::test]
async fn a_reset_link_can_be_printed_for_an_active_user() {
    let folder = folder();
    printed(folder.path(), &["migrate"]);
    let reset = |email: &str| usher(folder.path(), &["reset-password", email]).finish();
    let last_line = |text: &str| text.lines().last().unwrap().to_owned();
    let token = |link: &str| link.split_once("token=").unwrap().1.to_owned();
    assert_eq!(
        complaint(&reset("nobody@kbank.com")),
        "no user has the e-mail address nobody@kbank.com"
    );
    assert!(complaint(&reset("nobody")).contains("e-mail address"));

    let running = Running::start(folder.path(), &["--set", "mail.transport=file"]);
    let client = Client::anonymous(format!("http://{}", running.address()));
    let refusal = complaint(&reset("admin@example.com"));
    assert!(refusal.contains("has no password yet"), "{refusal}");
    let invite = ["invite-administrator", "admin@example.com"];
    let invitation = token(&last_line(&printed(folder.path(), &invite)));
    let input = json!({ "token": invitation, "password": PASSWORD });
    let payload = client.mutate("acceptInvitation", input, "token").await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    let administrator = client.with_token(payload["token"].as_str().unwrap());

    let output = printed(folder.path(), &["reset-password", "admin@example.com"]);
    assert!(output.contains("admin@example.com"), "{output}");
    let link = last_line(&output);
    let page = "http://127.0.0.1:8000/reset-password#token=";
    assert!(link.starts_with(page), "{output}");
    let query = "{ events(filter: { actions: PASSWORD_RESET_REQUESTED }) { nodes { actorLabel subjectLabel } }
        emails(filter: { kinds: PASSWORD_RESET }) { totalCount } }";
    let answer = administrator.run(query).await;
    let subject = json!({ "actorLabel": "server", "subjectLabel": "admin@example.com" });
    assert_eq!(answer.data()["events"]["nodes"], json!([subject]));
    assert_eq!(answer.data()["emails"]["totalCount"], 0);

    let new = "quartz-lantern-58-meadow";
    let input = json!({ "token": token(&link), "newPassword": new });
    let payload = client
        .mutate("resetPassword", input, "user { email }")
        .await;
    assert_eq!(payload["user"]["email"], "admin@example.com", "{payload:#}");
    let input = json!({ "email": "admin@example.com", "password": new });
    let payload = client.mutate("signIn", input, "token").await;
    let administrator = client.with_token(payload["token"].as_str().unwrap());

    let invite = ["invite-administrator", "second@kbank.com"];
    let second = token(&last_line(&printed(folder.path(), &invite)));
    let input = json!({ "token": second, "password": PASSWORD });
    let payload = client
        .mutate("acceptInvitation", input, "user { id }")
        .await;
    let input = json!({ "id": payload["user"]["id"] });
    let payload = administrator
        .mutate("deactivateUser", input, "user { status }")
        .await;
    assert_eq!(payload["user"]["status"], "DEACTIVATED", "{payload:#}");
    let refusal = complaint(&reset("second@kbank.com"));
    assert!(refusal.contains("is deactivated"), "{refusal}");
    running.stop("-TERM");
}

/// What the command does to an account that exists already, it says.
#[tokio::test]
async fn making_an_active_user_an_administrator_is_explained() {
    let folder = folder();
    let running = Running::start(folder.path(), &["--set", "mail.transport=file"]);
    let client = Client::anonymous(format!("http://{}", running.address()));
    let invite = |email: &str| printed(folder.path(), &["invite-administrator", email]);
    let token = |output: &str| {
        let link = output.lines().last().unwrap();
        link.split_once("token=").unwrap().1.to_owned()
    };
    let input = json!({ "token": token(&invite("admin@example.com")), "password": PASSWORD });
    let payload = client.mutate("acceptInvitation", input, "token").await;
    let administrator = client.with_token(payload["token"].as_str().unwrap());
    let output = invite("admin@example.com");
    assert!(output.contains("nothing was changed"), "{output}");

    let input = json!({ "name": "Editor", "permissions": [] });
    let role = administrator
        .mutate("createRole", input, "role { id }")
        .await;
    let input = json!({ "email": "cto@kbank.com", "roleIds": [role["role"]["id"]] });
    let selection = "invitation { emails { link } }";
    let payload = administrator.mutate("inviteUser", input, selection).await;
    let link = payload["invitation"]["emails"][0]["link"].as_str().unwrap();
    let input = json!({ "token": token(link), "password": PASSWORD });
    client.mutate("acceptInvitation", input, "token").await;

    let output = invite("cto@kbank.com");
    for part in [
        "holds the Administrator role now",
        "signed out",
        "no longer works",
    ] {
        assert!(output.contains(part), "{output}");
    }
    let input = json!({ "token": token(&output), "newPassword": "quartz-lantern-58-meadow" });
    let payload = client
        .mutate("resetPassword", input, "user { email }")
        .await;
    assert_eq!(payload["user"]["email"], "cto@kbank.com", "{payload:#}");
    running.stop("-TERM");
}

#[test]
fn a_taken_port_is_named() {
    let folder = folder();
    let running = Running::start(folder.path(), &[]);
    let address = running.address();
    let output = usher(folder.path(), &["--set", &format!("server.bind={address}")]).finish();
    let complaint = complaint(&output);
    assert!(
        complaint.contains(&address) && complaint.contains("is already in use"),
        "{complaint}"
    );
    running.stop("-TERM");
}

#[test]
fn what_is_wrong_with_the_configuration_is_named_with_its_place() {
    let folder = folder();
    let write = |text: &str| std::fs::write(folder.path().join("usher.toml"), text).unwrap();
    for (text, arguments, parts) in [
        (
            "[server]\nbnid = 1",
            &[][..],
            &["usher.toml", "server.bnid", "unknown key"][..],
        ),
        ("[server", &[], &["usher.toml"]),
        (
            "[server]\nbind = \"somewhere\"",
            &[],
            &["usher.toml", "server.bind"],
        ),
        (
            "[mail]\ntransprot = \"log\"",
            &[],
            &["usher.toml", "mail.transprot", "unknown key"],
        ),
        (
            "[mail.pigeon]\nloft = 1",
            &[],
            &["mail.pigeon", "no such transport"],
        ),
        (
            "",
            &["--set", "mail.transport=pigeon"],
            &["mail.transport", "pigeon", "log"],
        ),
        (
            "",
            &["--set", "mail.file.pth=x", "--set", "mail.transport=file"],
            &["mail.file.pth"],
        ),
        ("", &["--set", "serverbind"], &["KEY=VALUE"]),
        (
            "",
            &["--config", "nowhere.toml"],
            &["nowhere.toml", "No such file"],
        ),
        (
            "",
            &["--set", "passwords.min_length=7"],
            &["passwords.min_length", "at least 8"],
        ),
        (
            "",
            &["--set", "setup.administrator=nobody"],
            &["setup.administrator"],
        ),
        (
            "",
            &["--set", "mail.redirect_all_to=nobody"],
            &["mail.redirect_all_to"],
        ),
        (
            "",
            &["--set", "passwords.argon2.memory_kib=1"],
            &["passwords.argon2"],
        ),
        (
            "",
            &["--set", "server.trusted_proxies=[\"somewhere\"]"],
            &["server.trusted_proxies"],
        ),
        ("", &["--set", "log.filter=info=much"], &["log.filter"]),
        (
            "",
            &["--set", "mail.from=rubbish"],
            &["mail.from", "one e-mail address"],
        ),
        (
            "",
            &["--set", "mail.from=a@kbank.com, b@kbank.com"],
            &["mail.from", "one e-mail address"],
        ),
        (
            "",
            &["--set", "server.max_connections=18446744073709551615"],
            &["server.max_connections", "1,000,000"],
        ),
        (
            "",
            &["--set", "database.max_connections=4294967295"],
            &["database.max_connections", "10,000"],
        ),
        (
            "",
            &["--set", "database.unavailable_after=1m"],
            &["database.unavailable_after", "from 500ms to 10s"],
        ),
        (
            "",
            &["--set", "database.acquire_timeout=0s"],
            &["database.acquire_timeout", "100ms"],
        ),
        (
            "",
            &["--set", "database.max_lifetime=10ms"],
            &["database.max_lifetime", "1s"],
        ),
        (
            "",
            &["--set", "database.statement_cache=0"],
            &["database.statement_cache", "10,000"],
        ),
        (
            "",
            &["--set", "database.pooler=session"],
            &["database.pooler", "detect", "transaction"],
        ),
        (
            "",
            &["--set", "mail.queue.workers=0"],
            &["mail.queue.workers", "1,000"],
        ),
        (
            "",
            &["--set", "mail.queue.workers=1001"],
            &["mail.queue.workers", "1,000"],
        ),
        (
            "",
            &["--set", "mail.queue.poll_interval=0s"],
            &["mail.queue.poll_interval", "10ms"],
        ),
        (
            "",
            &["--set", "mail.queue.lease=0s"],
            &["mail.queue.lease", "1s"],
        ),
        (
            "",
            &["--set", "passwords.hash_workers=1001"],
            &["passwords.hash_workers", "1,000"],
        ),
        (
            "",
            &[
                "--set",
                "mail.transport=failover",
                "--set",
                "mail.failover.transports=[\"log\", \"failover\"]",
            ],
            &["mail.failover.transports", "must not lead back to itself"],
        ),
        (
            "",
            &[
                "--set",
                "mail.transport=sendmail",
                "--set",
                "mail.sendmail.timeout=0s",
            ],
            &["mail.sendmail.timeout", "longer than 0s"],
        ),
        (
            "",
            &["--set", "links.invitation=javascript:{token}"],
            &["links.invitation", "{public_url}, https:// or http://"],
        ),
        (
            "",
            &["--set", "links.password_reset=https://people.kbank.com/"],
            &["links.password_reset", "must contain {token}"],
        ),
        ("", &["--set", "database.url=oracle://x"], &["database.url"]),
        (
            "[[applications]]\ncode = \"users\"\nname = \"x\"\nactions = [\"view\"]",
            &[],
            &["users", "in use"],
        ),
    ] {
        write(text);
        // What would keep the server from starting, its check says beforehand, in the same words.
        let started = usher(folder.path(), arguments).finish();
        let arguments = [&["config", "check"], arguments].concat();
        let checked = usher(folder.path(), &arguments).finish();
        let complaint = complaint(&started);
        assert_eq!(complaint, self::complaint(&checked));
        for part in parts {
            assert!(
                complaint.contains(part),
                "{text:?} {arguments:?}: {complaint}"
            );
        }
    }
    assert!(
        !folder.path().join("usher.db").exists(),
        "nothing was begun"
    );
}

/// What is wrong is said all at once, whichever part of the server it concerns.
#[test]
fn all_that_is_wrong_with_the_configuration_is_named_at_once() {
    let folder = folder();
    let wrong = [
        "server.idle_timeout=0s",
        "graphql.timeout=0s",
        "mail.from=rubbish",
        "mail.queue.retry_after=0s",
        "mail.queue.retry_after_at_most=0s",
        "throttle.account_attempts=0",
        "throttle.account_attempts_in_all=0",
        "throttle.client_attempts=0",
        "invitations.valid_for=0s",
        "passwords.reset_valid_for=0s",
        "sessions.idle_timeout=0s",
        "sessions.idle_timeout_unless_kept=0s",
        "sessions.absolute_timeout=0s",
        "throttle.delay=0s",
        "throttle.delay_at_most=0s",
        "throttle.account_delay_at_most=0s",
        "throttle.forget_after=0s",
        "branding.color=red",
        "mail.transport=pigeon",
        "passwords.argon2.memory_kib=1",
        "setup.administrator=nobody",
        "server.trusted_proxies=[\"somewhere\"]",
        "server.allowed_origins=[\"somewhere\"]",
        "log.filter=info=much",
    ];
    let settings = wrong.iter().flat_map(|setting| ["--set", setting]);
    let complaints = |command: &[&str]| {
        let output = usher(folder.path(), command)
            .args(settings.clone())
            .finish();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let checked = complaints(&["config", "check"]);
    assert_eq!(complaints(&[]), checked);
    assert_eq!(complaints(&["worker"]), checked);
    insta::assert_snapshot!(checked, @r##"
    usher: server.idle_timeout: must be longer than 0s
    usher: graphql.timeout: must be longer than 0s
    usher: mail.from: must be one e-mail address, with or without a name, such as Usher <no-reply@example.com>
    usher: mail.queue.retry_after: must be longer than 0s
    usher: mail.queue.retry_after_at_most: must be longer than 0s
    usher: throttle.account_attempts: must be at least 1, or even the first would be delayed
    usher: throttle.account_attempts_in_all: must be at least 1, or even the first would be delayed
    usher: throttle.client_attempts: must be at least 1, or even the first would be delayed
    usher: invitations.valid_for: must be longer than 0s
    usher: passwords.reset_valid_for: must be longer than 0s
    usher: sessions.idle_timeout: must be longer than 0s
    usher: sessions.idle_timeout_unless_kept: must be longer than 0s
    usher: sessions.absolute_timeout: must be longer than 0s
    usher: throttle.delay: must be longer than 0s
    usher: throttle.delay_at_most: must be longer than 0s
    usher: throttle.account_delay_at_most: must be longer than 0s
    usher: throttle.forget_after: must be longer than 0s
    usher: branding.color: must be a colour such as #1f4fd8
    usher: mail.transport: "pigeon" is not a transport; choose one of failover, file, log, sendmail, smtp
    usher: passwords.argon2: invalid parameter: "m"
    usher: setup.administrator: Enter one e-mail address, such as name@example.com.
    usher: server.trusted_proxies: "somewhere" is neither an address nor a network such as 10.0.0.0/8
    usher: server.allowed_origins: "somewhere" is not an origin; write the scheme as well, as in https://somewhere
    usher: log.filter: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5
    "##);
}

#[test]
fn a_database_that_cannot_be_opened_is_named() {
    let folder = folder();
    for (url, part) in [
        (
            "sqlite:///nowhere/at/all/usher.db?mode=rwc",
            "does the folder exist",
        ),
        ("sqlite://missing.db", "does not exist"),
        ("postgres://usher:secret@127.0.0.1:1/usher", "refused"),
        ("sqlite::memory:", "memory"),
    ] {
        let setting = format!("database.url={url}");
        let output = usher(
            folder.path(),
            &[
                "--set",
                &setting,
                "--set",
                "database.wait=0s",
                // Another program may have the usual port.
                "--set",
                "server.bind=127.0.0.1:0",
            ],
        )
        .finish();
        let complaint = complaint(&output);
        assert!(complaint.starts_with("database"), "{complaint}");
        assert!(complaint.contains(part), "{complaint}");
        assert!(!complaint.contains("secret"), "{complaint}");
    }
}

/// The parts of a server run in processes of their own: one answers, and one sends. SQLite's file takes one
/// of them at a time.
#[tokio::test(flavor = "multi_thread")]
async fn the_worker_can_run_alone() {
    let database = TestDatabase::create().await;
    let folder = folder();
    let settings = [
        "--set",
        "mail.transport=file",
        "--set",
        &format!("database.url={}", database.url),
    ];
    let arguments = [&["serve", "--no-worker"][..], &settings].concat();
    let web = Running::start(folder.path(), &arguments);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ready = http
        .get(format!("http://{}/readyz", web.address()))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 200);
    let mails = folder.path().join("mail/new");
    assert!(!mails.exists());
    let arguments = [&["worker"][..], &settings].concat();
    let web = if database.is_sqlite() {
        let refusal = complaint(&usher(folder.path(), &arguments).finish());
        assert!(refusal.contains("takes one at a time"), "{refusal}");
        assert_eq!(web.stop("-TERM").0, 0);
        None
    } else {
        Some(web)
    };

    let mut worker = usher(folder.path(), &arguments).spawn().unwrap();
    let _in_time = Watchdog::over(&worker);
    // Held until the end: nobody can write into a pipe that nobody reads.
    let mut log = BufReader::new(worker.stderr.take().unwrap()).lines();
    assert!(
        log.by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("e-mail sent"))
    );
    assert_eq!(std::fs::read_dir(&mails).unwrap().count(), 1);
    let id = worker.id().to_string();
    let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(told.success());
    assert_eq!(worker.wait().unwrap().code(), Some(0));
    if let Some(web) = web {
        assert_eq!(web.stop("-TERM").0, 0);
    }
}

/// What a command that must succeed prints.
#[track_caller]
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = usher(folder, arguments).finish();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_configuration_is_shown_with_the_layer_of_each_value_and_without_secrets() {
    let folder = folder();
    let file = "[mail.smtp]\nhost = \"mail.kbank.com\"\npassword = \"hunter2\"\n";
    std::fs::write(folder.path().join("usher.toml"), file).unwrap();
    let output = usher(
        folder.path(),
        &[
            "config",
            "show",
            "--set",
            "database.url=postgres://usher:hunter2@db/usher",
        ],
    )
    .env("USHER_MAIL__TRANSPORT", "smtp")
    .finish();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(!shown.contains("hunter2"), "{shown}");
    let line = |key: &str| {
        let mut lines = shown.lines();
        let line = lines.find(|line| line.starts_with(&format!("{key} = ")));
        line.unwrap_or_else(|| panic!("{key}: {shown}")).to_owned()
    };
    for (key, value, layer) in [
        ("mail.smtp.host", "\"mail.kbank.com\"", "usher.toml"),
        ("mail.smtp.password", "\"****\"", "usher.toml"),
        (
            "mail.transport",
            "\"smtp\"",
            "# environment: USHER_MAIL__TRANSPORT",
        ),
        (
            "database.url",
            "\"postgres://usher:****@db/usher\"",
            "# command line",
        ),
        ("passwords.min_length", "12", "# default"),
    ] {
        let line = line(key);
        assert!(line.contains(value) && line.ends_with(layer), "{line}");
    }
    // Whatever the defaults declare is there.
    for key in [
        "branding.color",
        "mail.queue.lease",
        "server.trusted_proxies",
    ] {
        line(key);
    }
    assert!(printed(folder.path(), &["config", "check"]).contains("valid"));
    let output = usher(
        folder.path(),
        &["config", "check", "--set", "branding.color=red"],
    )
    .finish();
    assert!(complaint(&output).contains("branding.color"));
}

/// `usher config show | head`: whoever has read enough may go.
#[test]
fn a_reader_that_leaves_ends_no_command_with_a_panic() {
    let folder = folder();
    for arguments in [
        &["config", "show"][..],
        &["config", "check"],
        &["schema"],
        &["completions", "bash"],
        &["migrate"],
        &["invite-administrator", "admin@example.com"],
        &["send-test-email", "a@b.example", "--transport", "file"],
        &["--help"],
    ] {
        // The pipe is closed before the command can have written into it.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let command = usher(folder.path(), arguments).stdout(writer).spawn();
        let output = end_of(command.unwrap());
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {log}");
        assert!(!log.contains("panicked"), "{arguments:?}: {log}");
    }
    // A server goes on without its welcome: it is there for others.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let arguments = ["--set", "server.bind=127.0.0.1:0"];
    let mut server = usher(folder.path(), &arguments)
        .stdout(writer)
        .spawn()
        .unwrap();
    let _in_time = Watchdog::over(&server);
    let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("e-mail sent")));
    let id = server.id().to_string();
    let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(told.success());
    log.for_each(drop);
    assert_eq!(server.wait().unwrap().code(), Some(0));

    // Why a command failed may go unread, too.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let command = usher(folder.path(), &["config", "check", "--set", "x"])
        .stderr(writer)
        .spawn();
    assert_eq!(end_of(command.unwrap()).status.code(), Some(1));

    // A disk without space is another matter: what was asked for is missing.
    let full = std::fs::File::options().write(true).open("/dev/full");
    let command = usher(folder.path(), &["schema"])
        .stdout(full.unwrap())
        .spawn();
    let complaint = complaint(&end_of(command.unwrap()));
    assert!(complaint.contains("standard output"), "{complaint}");
}

#[test]
fn the_doctor_names_what_is_wrong_and_what_to_do() {
    let folder = folder();
    let examination = |arguments: &[&str]| {
        let arguments = [&["doctor"], arguments].concat();
        let output = usher(folder.path(), &arguments).finish();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, report, _) = examination(&[]);
    assert_eq!(code, Some(0), "{report}");
    let report = report.replace(&folder.path().display().to_string(), "/here");
    insta::assert_snapshot!(report, @"
    ok    configuration: valid
    note  server.public_url: http://127.0.0.1:8000 is a loopback address, which is enough for a demo on this machine
    note  mail.transport: log works; e-mails do not leave this machine
    note  database: /here/usher.db does not exist yet; `usher migrate` or the first start creates it
    ");
    assert!(
        !folder.path().join("usher.db").exists(),
        "it changes nothing"
    );

    assert!(printed(folder.path(), &["migrate"]).contains("Applied"));
    assert!(printed(folder.path(), &["migrate"]).contains("already up to date"));
    let (code, report, error) = examination(&[]);
    assert_eq!((code, error.as_str()), (Some(1), "usher: 1 check failed\n"));
    insta::assert_snapshot!(report, @"
    ok    configuration: valid
    note  server.public_url: http://127.0.0.1:8000 is a loopback address, which is enough for a demo on this machine
    note  mail.transport: log works; e-mails do not leave this machine
    ok    database: reachable
    ok    database: the schema is up to date
    ok    database: takes changes
    FAIL  administrators: no active user has the Administrator role
          Try: usher invite-administrator admin@example.com
    ok    e-mail queue: nothing waits that could be sent
    ");

    let (_, report, error) = examination(&[
        "--set",
        "mail.from=rubbish",
        "--set",
        "log.filter=info=much",
    ]);
    assert_eq!(error, "usher: 1 check failed\n");
    insta::assert_snapshot!(report, @r#"
    FAIL  configuration: mail.from: must be one e-mail address, with or without a name, such as Usher <no-reply@example.com>
          log.filter: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5
    "#);

    let (_, report, error) = examination(&[
        "--set",
        "mail.transport=smtp",
        "--set",
        "mail.smtp.host=127.0.0.1",
        "--set",
        "mail.smtp.port=1",
    ]);
    assert_eq!(error, "usher: 2 checks failed\n");
    assert!(report.contains("FAIL  mail.transport: smtp: "), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_notices_that_the_mail_server_refuses_the_sender() {
    let folder = folder();
    let refusal = Answer::say("550 5.7.1 Not from there");
    let smtp = Server::start(Behaviour::at(Step::MailFrom, refusal)).await;
    let port = format!("mail.smtp.port={}", smtp.address.port());
    let arguments = [
        "doctor",
        "--set",
        "mail.transport=smtp",
        "--set",
        "mail.smtp.host=127.0.0.1",
        "--set",
        "mail.smtp.tls=none",
        "--set",
        "mail.from=Usher <no-reply@kbank.com>",
        "--set",
        &port,
    ];
    let output = usher(folder.path(), &arguments).finish();
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{report}");
    let said = "the sender no-reply@kbank.com was rejected: 550 5.7.1 Not from there";
    assert!(
        report.contains(&format!("FAIL  mail.transport: smtp: {said}")),
        "{report}"
    );
}

#[test]
fn a_test_e_mail_tells_what_the_transport_said() {
    let folder = folder();
    let send = |arguments: &[&str]| {
        let arguments = [&["send-test-email"], arguments].concat();
        usher(folder.path(), &arguments).finish()
    };
    let output = send(&["laura@kbank.com", "--transport", "file"]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.starts_with(b"file: "), "{output:?}");
    let delivered = std::fs::read_dir(folder.path().join("mail/new")).unwrap();
    assert_eq!(delivered.count(), 1);

    for (arguments, part) in [
        (&["nobody"][..], "nobody: "),
        (&["a@b.example", "--transport", "pigeon"], "pigeon"),
        (
            &[
                "a@b.example",
                "--transport",
                "smtp",
                "--set",
                "mail.smtp.host=127.0.0.1",
                "--set",
                "mail.smtp.port=1",
            ],
            "smtp: transport unavailable: ",
        ),
    ] {
        let output = send(arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.lines().last().unwrap().starts_with("usher: "),
            "{text}"
        );
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn help_teaches_and_shells_can_complete() {
    let folder = folder();
    let help = printed(folder.path(), &["--help"]);
    insta::assert_snapshot!(help, @r#"
    Manages the people who use your application: users, roles, invitations, passwords, and the queue that delivers their e-mail, behind one GraphQL API

    Usage: usher [OPTIONS] [COMMAND]

    Commands:
      serve                 Start the server (the default)
      worker                Process the e-mail queue without serving requests
      demo                  Start a server with sample users, roles and e-mails on a throw-away database
      migrate               Bring the database schema up to date; `serve` also does this when it starts
      backup                Write all data to a new file, also while the server runs (SQLite)
      restore               Put a backup in the place of the database (SQLite), while no server runs
      after-restore         After a database server was restored by its own tools: hold e-mails, end sessions and links
      copy                  Copy everything to an empty database, of this or another kind, while no server runs
      invite                Invite everybody in a CSV file, also while the server runs
      invite-administrator  Invite an administrator, or renew their invitation, and print the link
      reset-password        Print a link with which an active user chooses a new password; no e-mail is sent
      erase                 Delete a user, and erase whatever says who they are; or what is left of a deleted one
      queue                 Show, pause or resume the e-mail queue, also while the server runs
      config                Show or check the configuration
      send-test-email       Send a test e-mail directly, bypassing the queue, and print the transport's response
      doctor                Check configuration, database, mail transport, public URL and administrators
      healthcheck           Ask the running server whether it can serve requests: exit code 0 if it can, 1 if not
      schema                Print the GraphQL schema
      completions           Print shell completions: usher completions bash > /etc/bash_completion.d/usher
      help                  Print this message or the help of the given subcommand(s)

    Options:
          --config <FILE>    The configuration file [env: USHER_CONFIG] [default: usher.toml, if there is one]
          --set <KEY=VALUE>  Set a configuration key, such as mail.transport=file; may be repeated
      -h, --help             Print help
      -V, --version          Print version

    Examples:
      usher demo                                    look around, on a throw-away database
      usher                                         start the server in this directory
      usher --set mail.transport=file               the same, writing e-mails to a folder
      usher config show                             show every setting and where it comes from
      usher doctor                                  find out what is wrong with this installation

    Every setting is explained in config.default.toml. Settings come from there, from usher.toml or the file
    that --config or USHER_CONFIG names, from the environment (USHER_MAIL__TRANSPORT=file), and from --set,
    each overriding the one before.

    Exit codes: 0 success; 1 failure, with the reasons on standard error, one per line, each prefixed with
    "usher: "; 2 invalid command line.
    "#);
    assert!(printed(folder.path(), &["--version"]).starts_with("usher 0."));
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(folder.path(), &["completions", shell]);
        assert!(script.contains("send-test-email"), "{shell}");
    }
    let output = usher(folder.path(), &["dance"]).finish();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_demo_leaves_nothing_behind_and_stays_on_this_machine() {
    let folder = folder();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let demo = |arguments: &[&str]| {
        let arguments = [&["demo"], arguments].concat();
        let mut command = usher(folder.path(), &arguments);
        command.env("TMPDIR", &temporary);
        command
    };
    let output = demo(&["--set", "server.bind=0.0.0.0:0"]).finish();
    assert!(complaint(&output).contains("--force"));

    let mut child = demo(&["--set", "server.bind=127.0.0.1:0"]).spawn().unwrap();
    let _in_time = Watchdog::over(&child);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut welcome = String::new();
    while !welcome.contains("Ctrl-C") && stdout.read_line(&mut welcome).unwrap() > 0 {}
    for part in ["lauram@kbank.com", "Three things to try", "/playground"] {
        assert!(welcome.contains(part), "{welcome}");
    }
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 1);
    let id = child.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(killed.success());
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    assert!(!folder.path().join("usher.db").exists());
}

/// In the wrong folder, a rescuer would be given a link that works nowhere.
#[test]
fn a_command_for_operators_creates_no_database() {
    let folder = folder();
    let path = folder.path().join("usher.db");
    let commands = [
        &["invite-administrator", "admin@example.com"][..],
        &["reset-password", "admin@example.com"],
        &["worker"],
    ];
    for command in commands {
        let complaint = complaint(&usher(folder.path(), command).finish());
        assert!(
            complaint.contains(&path.display().to_string()),
            "{complaint}"
        );
        assert!(complaint.contains("does not exist"), "{complaint}");
        assert!(complaint.contains("--config FILE"), "{complaint}");
        assert!(!path.exists(), "{command:?}");
    }
    // Another program's file, or one that somebody has only touched.
    std::fs::write(&path, "").unwrap();
    for command in &commands[..2] {
        let complaint = complaint(&usher(folder.path(), command).finish());
        assert!(complaint.contains("it is empty"), "{complaint}");
    }
    std::fs::write(
        &path,
        "no database at all, but a text of some length\n".repeat(100),
    )
    .unwrap();
    for command in commands {
        let complaint = complaint(&usher(folder.path(), command).finish());
        assert!(complaint.contains("not a database"), "{complaint}");
    }
}

/// What the demo prints until it is ready, under these settings.
fn demo_welcome(settings: &[&str]) -> (String, Child) {
    let folder = folder();
    let mut arguments = vec!["demo"];
    for setting in settings {
        arguments.extend(["--set", setting]);
    }
    let mut command = usher(folder.path(), &arguments);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let _in_time = Watchdog::over(&child);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut welcome = String::new();
    while !welcome.contains("Ctrl-C") && stdout.read_line(&mut welcome).unwrap() > 0 {}
    assert!(welcome.contains("Ctrl-C"), "{settings:?}: {welcome}");
    (welcome, child)
}

fn end(mut child: Child) {
    let _in_time = Watchdog::over(&child);
    let id = child.id().to_string();
    let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(told.success());
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn the_demo_takes_the_settings_that_a_server_takes() {
    for settings in [
        &["links.invitation={public_url}/#/accept/{token}"][..],
        &[
            "links.invitation={public_url}/a/{token}/{token}?b=1",
            "links.password_reset=https://app.kbank.com/{token}",
        ],
        &[
            "invitations.valid_for=1m",
            "sessions.idle_timeout=1m",
            "sessions.absolute_timeout=1m",
        ],
        &[
            "passwords.min_length=64",
            "passwords.min_score=4",
            "throttle.account_attempts=1",
        ],
        &[
            "mail.queue.max_attempts=1",
            "mail.queue.retry_after=7d",
            "mail.queue.keep_sent_days=0",
        ],
        &["applications=[{code=\"content-hub\", name=\"Hub\", actions=[\"view\"]}]"],
        &["roles=[{code_name=\"DigitalChannelManager\", name=\"Mine\", permissions=[]}]"],
        &[
            "mail.redirect_all_to=qa@kbank.com",
            "event_log.keep_days=1",
            "log.format=json",
        ],
    ] {
        let (welcome, child) = demo_welcome(&[settings, &["server.bind=127.0.0.1:0"]].concat());
        assert!(
            welcome.contains("Three things to try:"),
            "{settings:?}: {welcome}"
        );
        end(child);
    }
}

#[tokio::test]
async fn the_demo_shows_the_addresses_that_are_served() {
    let (welcome, child) = demo_welcome(&["server.bind=127.0.0.1:0"]);
    let line = welcome.lines().find(|line| line.contains("Listening"));
    let address = line.unwrap().split_whitespace().last().unwrap();
    assert!(
        welcome.contains(&format!("http://{address}/playground")),
        "{welcome}"
    );
    assert!(!welcome.contains(":8000"), "{welcome}");
    let answer = Client::anonymous(format!("http://{address}"))
        .run("{ passwordPolicy { minLength } }")
        .await;
    assert_eq!(answer.data()["passwordPolicy"]["minLength"], 12);
    end(child);

    let (welcome, child) = demo_welcome(&["server.bind=127.0.0.1:0", "pages.enabled=false"]);
    assert!(
        !welcome.contains("Pages") && !welcome.contains("/sign-in"),
        "{welcome}"
    );
    assert!(welcome.contains("Two things to try:"), "{welcome}");
    end(child);
    let (welcome, child) = demo_welcome(&["server.bind=127.0.0.1:0", "playground.enabled=false"]);
    assert!(
        !welcome.contains("/playground") && welcome.contains("/console/users"),
        "{welcome}"
    );
    end(child);
    let set = "server.public_url=https://people.kbank.com";
    let (welcome, child) = demo_welcome(&["server.bind=127.0.0.1:0", set]);
    assert!(
        welcome.contains("https://people.kbank.com/graphql"),
        "{welcome}"
    );
    end(child);
}
