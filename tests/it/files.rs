//! Files that hold secrets: nobody but their owner can read them, whatever the umask says.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Binary, Finish};

/// The binary, under the umask that takes nothing from anybody.
fn usher(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command
        .current_dir(folder)
        .args(["-c", "umask 000; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_usher"))
        .args(arguments);
    command
}

fn server(folder: &Path, settings: &[&str]) -> Binary {
    let mut command = usher(folder, &["--set", "server.bind=127.0.0.1:0"]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    Binary::spawn(command)
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    usher(folder, arguments).finish()
}

#[track_caller]
fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn open_to_all(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

#[test]
fn the_database_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let running = server(folder.path(), &["mail.transport=file"]);
    for name in ["usher.db", "usher.db-wal", "usher.db-shm"] {
        assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
    }
    let log = running.stop();
    assert!(!log.contains("could read"), "{log}");
    let send = ["send-test-email", "a@b.example", "--transport", "file"];
    assert!(run(folder.path(), &send).status.success());
    let mails = folder.path().join("mail");
    for name in [&mails, &mails.join("new"), &mails.join("tmp")] {
        assert_eq!(mode(name), 0o700, "{name:?}");
    }
    for mail in fs::read_dir(mails.join("new")).unwrap() {
        assert_eq!(mode(&mail.unwrap().path()), 0o600);
    }
}

/// A database that was created otherwise, or copied back from a backup.
#[test]
fn a_database_that_others_can_read_is_made_private_with_one_line_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(run(folder.path(), &["migrate"]).status.success());
    assert_eq!(mode(&path("usher.db")), 0o600);
    for name in ["usher.db", "usher.db-wal", "usher.db-shm"] {
        fs::File::options()
            .create(true)
            .append(true)
            .open(path(name))
            .unwrap();
        open_to_all(&path(name));
    }

    let report = run(folder.path(), &["doctor"]).stdout;
    let report = String::from_utf8(report).unwrap();
    let line = report.lines().find(|line| line.contains("can read"));
    assert!(line.unwrap().starts_with("FAIL  database: "), "{report}");
    assert!(report.contains("chmod 600"), "{report}");
    assert_eq!(mode(&path("usher.db")), 0o644, "it changes nothing");

    let running = server(folder.path(), &["mail.transport=file"]);
    for name in ["usher.db", "usher.db-wal", "usher.db-shm"] {
        assert_eq!(mode(&path(name)), 0o600, "{name}");
    }
    let log = running.stop();
    let lines: Vec<&str> = log.lines().filter(|l| l.contains("could read")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(
        lines[0].contains("WARN") && lines[0].contains("usher.db"),
        "{log}"
    );
}

#[test]
fn a_database_behind_a_symbolic_link_is_private_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    symlink(data.join("real.db"), folder.path().join("link.db")).unwrap();
    let running = server(folder.path(), &["database.url=sqlite:link.db?mode=rwc"]);
    for name in ["real.db", "real.db-wal", "real.db-shm"] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    running.stop();
    open_to_all(&data.join("real.db"));
    let url = "database.url=sqlite:link.db?mode=rw";
    assert!(
        run(folder.path(), &["migrate", "--set", url])
            .status
            .success()
    );
    assert_eq!(mode(&data.join("real.db")), 0o600);
}

/// What SQLite's addresses can say otherwise: no file, a file that must be there, an encoded name.
#[test]
fn a_database_is_where_its_address_says() {
    let folder = tempfile::tempdir().unwrap();
    let migrate = |url: &str| {
        let output = run(
            folder.path(),
            &["migrate", "--set", &format!("database.url={url}")],
        );
        let error = String::from_utf8(output.stderr).unwrap();
        (output.status.success(), error)
    };
    for (url, problem) in [
        ("sqlite::memory:", "name a file"),
        ("sqlite://:memory:", "name a file"),
        ("sqlite://?mode=memory", "name a file"),
        ("sqlite://usher.db?mode=memory&cache=shared", "name a file"),
        ("sqlite://", "names no file"),
        ("sqlite:?mode=rwc", "names no file"),
        ("sqlite://usher.db", "does not exist"),
        ("sqlite://usher.db?mode=rw", "does not exist"),
        (
            "sqlite://nowhere/usher.db?mode=rwc",
            "does the folder exist",
        ),
        ("sqlite://usher.db?mode=write", "unknown value"),
        ("sqlite://usher.db?colour=red", "unknown query parameter"),
    ] {
        let (succeeded, error) = migrate(url);
        assert!(!succeeded && error.contains(problem), "{url}: {error}");
    }
    let files = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 0, "nothing was begun");
    let (succeeded, error) = migrate("sqlite://the%20people%3F.db?cache=private&mode=rwc");
    assert!(succeeded, "{error}");
    assert_eq!(mode(&folder.path().join("the people?.db")), 0o600);
}

#[test]
fn a_demo_keeps_its_data_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = usher(folder.path(), &["demo", "--set", "server.bind=127.0.0.1:0"]);
    let running = Binary::spawn({
        command.env("TMPDIR", folder.path());
        command
    });
    let data = fs::read_dir(folder.path()).unwrap().next().unwrap();
    let data = data.unwrap().path();
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("usher.db")), 0o600);
    running.stop();
}

#[test]
fn a_configuration_file_that_everybody_can_read_should_hold_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("usher.toml");
    let warnings = |text: &str, mode: u32| {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let output = run(folder.path(), &["config", "check"]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let password = "[mail.smtp]\npassword = \"hunter2\"\n";
    for text in [
        password,
        "[database]\nurl = \"postgres://usher:hunter2@db/usher\"\n",
    ] {
        let warned = warnings(text, 0o644);
        assert!(warned.contains("usher.toml: everybody"), "{warned}");
        assert!(!warned.contains("hunter2"), "{warned}");
    }
    assert_eq!(warnings(password, 0o640), "");
    assert_eq!(warnings("[mail.smtp]\npassword = \"\"\n", 0o644), "");
    assert_eq!(warnings("[mail.smtp]\nusername = \"usher\"\n", 0o644), "");
}
