//! The environment as platforms fill it, and as people write settings into it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::Finish;

struct Shell {
    folder: TempDir,
    variables: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What a command said.
struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

impl Said {
    /// The value of a setting, as `config show` prints it.
    #[track_caller]
    fn value(&self, key: &str) -> &str {
        let start = format!("{key} = ");
        let line = self.out.lines().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("{key}: {}{}", self.out, self.error));
        line[start.len()..].split("  #").next().unwrap().trim_end()
    }
}

fn shell(variables: &[(&str, &str)]) -> Shell {
    let bytes = |text: &str| text.as_bytes().to_vec();
    Shell {
        folder: tempfile::tempdir().unwrap(),
        variables: variables
            .iter()
            .map(|(name, value)| (bytes(name), bytes(value)))
            .collect(),
    }
}

impl Shell {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut usher = Command::new(env!("CARGO_BIN_EXE_usher"));
        usher.current_dir(self.path()).args(arguments);
        for (name, value) in &self.variables {
            usher.env(OsStr::from_bytes(name), OsStr::from_bytes(value));
        }
        let output = usher.finish();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said {
            code: output.status.code(),
            out: text(output.stdout),
            error: text(output.stderr),
        }
    }

    fn show(&self) -> Said {
        self.run(&["config", "show"])
    }

    #[track_caller]
    fn check(&self) -> String {
        let said = self.run(&["config", "check"]);
        assert_eq!(said.code, Some(0), "{}", said.error);
        said.error
    }

    /// Why `config check` says that no server would start.
    #[track_caller]
    fn problem(&self) -> String {
        let said = self.run(&["config", "check"]);
        assert_eq!(said.code, Some(1), "{}{}", said.out, said.error);
        assert!(!said.error.contains("panicked"), "{}", said.error);
        said.error
    }
}

#[test]
fn variables_that_platforms_add_are_passed_over_with_one_warning() {
    let foreign = [
        ("USHER_SERVICE_HOST", "10.0.0.7"),
        ("USHER_SERVICE_PORT", "8000"),
        ("USHER_SERVICE_PORT_HTTP", "8000"),
        ("USHER_PORT", "tcp://10.0.0.7:8000"),
        ("USHER_PORT_8000_TCP", "tcp://10.0.0.7:8000"),
        ("USHER_PORT_8000_TCP_ADDR", "10.0.0.7"),
        ("USHER_PORT_8000_TCP_PORT", "8000"),
        ("USHER_PORT_8000_TCP_PROTO", "tcp"),
        // Services called usher-mail-smtp and usher-server.
        ("USHER_MAIL_SMTP_PORT", "tcp://10.0.0.8:25"),
        ("USHER_SERVER_SERVICE_HOST", "10.0.0.9"),
        // Docker's links.
        ("USHER_NAME", "/front/usher"),
        ("USHER_ENV_DATABASE_PASSWORD", "hunter2"),
        // Somebody's own.
        ("USHER_HOME", "/opt/usher"),
        ("USHER_VERSION", "1.2"),
    ];
    let shell = shell(&foreign);
    let warned = shell.check();
    assert_eq!(warned.lines().count(), 1, "{warned}");
    for (name, _) in foreign {
        assert!(warned.contains(name), "{name}: {warned}");
    }
    assert!(warned.contains("enableServiceLinks: false"), "{warned}");
    let report = shell.run(&["doctor"]);
    assert_eq!(report.code, Some(0), "{}", report.out);
    assert!(
        report.out.contains("note  environment: USHER_"),
        "{}",
        report.out
    );
    assert_eq!(shell.show().code, Some(0));
}

#[test]
fn a_variable_that_was_meant_as_a_setting_is_refused_with_the_one_that_was_meant() {
    for (name, value, meant) in [
        ("USHER_DATABASE_URL", "sqlite://x.db", "USHER_DATABASE__URL"),
        ("USHER_DATABASE_URI", "sqlite://x.db", "USHER_DATABASE__URL"),
        ("USHER_DATABASE_URL_FILE", "/x", "USHER_DATABASE__URL"),
        ("USHER_MAIL_SMTP_PORT", "587", "USHER_MAIL__SMTP__PORT"),
        ("USHER_ENVIROMENT", "production", "USHER_ENVIRONMENT"),
        ("USHER_ENV", "production", "USHER_ENVIRONMENT"),
        ("USHER_SERVER__BNID", "x", "USHER_SERVER__BIND"),
        ("USHER_SEVER__BIND", "x", "USHER_SERVER__BIND"),
        ("USHER_SERVER__TRANSPORT", "log", "USHER_MAIL__TRANSPORT"),
        ("USHER_DATABASE", "sqlite://x.db", "USHER_DATABASE__URL"),
        (
            "USHER_MAIL__SMTP",
            "smtp.kbank.com",
            "USHER_MAIL__SMTP__HOST",
        ),
        ("USHER_SOMETHING__ELSE", "x", "unknown key"),
    ] {
        let problem = shell(&[(name, value)]).problem();
        assert!(
            problem.contains(&format!("environment variable {name}: ")),
            "{problem}"
        );
        assert!(problem.contains(meant), "{name}: {problem}");
    }
    // All at once.
    let problem = shell(&[("USHER_ENV", "x"), ("USHER_SERVER__BNID", "x")]).problem();
    assert_eq!(problem.lines().count(), 2, "{problem}");
}

#[test]
fn lists_are_written_as_people_write_them() {
    for (written, read) in [
        ("10.0.0.0/8", "[\"10.0.0.0/8\"]"),
        (
            "10.0.0.0/8,172.16.0.0/12",
            "[\"10.0.0.0/8\", \"172.16.0.0/12\"]",
        ),
        (
            " 10.0.0.0/8 , 172.16.0.0/12, ",
            "[\"10.0.0.0/8\", \"172.16.0.0/12\"]",
        ),
        ("[\"10.0.0.0/8\",\"::1\"]", "[\"10.0.0.0/8\", \"::1\"]"),
        ("\"10.0.0.0/8\"", "[\"10.0.0.0/8\"]"),
        ("'10.0.0.0/8','::1'", "[\"10.0.0.0/8\", \"::1\"]"),
        ("[]", "[]"),
        ("\"\"", "[]"),
        ("", "[\"192.0.2.0/24\"]"),
        (" ", "[\"192.0.2.0/24\"]"),
    ] {
        let shell = shell(&[("USHER_SERVER__TRUSTED_PROXIES", written)]);
        let file = "[server]\ntrusted_proxies = \"192.0.2.0/24\"\n";
        fs::write(shell.path().join("usher.toml"), file).unwrap();
        let shown = shell.show();
        assert_eq!(shown.value("server.trusted_proxies"), read, "{written:?}");
        shell.check();
    }
}

#[test]
fn quotes_blanks_and_line_ends_around_a_value_do_not_count() {
    for (name, written, key, read) in [
        (
            "USHER_BRANDING__NAME",
            "\"The people\"",
            "branding.name",
            "\"The people\"",
        ),
        (
            "USHER_BRANDING__NAME",
            "'The people'",
            "branding.name",
            "\"The people\"",
        ),
        (
            "USHER_BRANDING__NAME",
            "The \"people\"",
            "branding.name",
            "\"The \\\"people\\\"\"",
        ),
        (
            "USHER_BRANDING__NAME",
            "Usher\r",
            "branding.name",
            "\"Usher\"",
        ),
        (
            "USHER_MAIL__SMTP__PORT",
            "\"2525\"",
            "mail.smtp.port",
            "2525",
        ),
        (
            "USHER_MAIL__SMTP__PORT",
            " 2525\r\n",
            "mail.smtp.port",
            "2525",
        ),
        ("USHER_PAGES__ENABLED", "'false'", "pages.enabled", "false"),
        ("USHER_PAGES__ENABLED", "False", "pages.enabled", "false"),
        (
            "USHER_PLAYGROUND__ENABLED",
            "\"false\"",
            "playground.enabled",
            "false",
        ),
        (
            "USHER_INVITATIONS__VALID_FOR",
            "\"3d\"",
            "invitations.valid_for",
            "\"3d\"",
        ),
        ("USHER_ENVIRONMENT", "\"demo\"", "environment", "\"demo\""),
        (
            "USHER_SERVER__BIND",
            "127.0.0.1:8001 ",
            "server.bind",
            "\"127.0.0.1:8001\"",
        ),
        (
            "USHER_MAIL__FROM",
            "\"Usher\" <no-reply@firm.test> ",
            "mail.from",
            "\"\\\"Usher\\\" <no-reply@firm.test>\"",
        ),
        (
            "USHER_MAIL__SMTP__USERNAME",
            "\"\"",
            "mail.smtp.username",
            "\"\"",
        ),
        ("USHER_MAIL__SMTP__PORT", "", "mail.smtp.port", "587"),
    ] {
        let shell = shell(&[(name, written)]);
        assert_eq!(shell.show().value(key), read, "{name}={written:?}");
        assert_eq!(shell.check(), "", "{name}={written:?}");
    }
    // The file's own numbers may stand in quotes, too.
    let shell = shell(&[]);
    let file = "\u{feff}[mail.queue]\nworkers = \"2\"\n[pages]\nenabled = \"true\"\n";
    fs::write(shell.path().join("usher.toml"), file).unwrap();
    assert_eq!(shell.show().value("mail.queue.workers"), "2");
    shell.check();
}

#[test]
fn a_secret_is_set_once_and_its_file_is_read_as_it_is() {
    let secret = |content: &[u8]| {
        let shell = shell(&[("USHER_DATABASE__URL_FILE", "secret")]);
        fs::write(shell.path().join("secret"), content).unwrap();
        shell
    };
    let url = "\"sqlite://people.db?mode=rwc\"";
    for content in [
        &b"sqlite://people.db?mode=rwc"[..],
        b"sqlite://people.db?mode=rwc\n",
        b"sqlite://people.db?mode=rwc\r\n",
        b"sqlite://people.db?mode=rwc \n",
        b"\xef\xbb\xbfsqlite://people.db?mode=rwc\n\n",
    ] {
        let shell = secret(content);
        let shown = shell.show();
        assert_eq!(shown.value("database.url"), url, "{content:?}");
        assert!(
            shown
                .out
                .contains("# environment: USHER_DATABASE__URL_FILE")
        );
    }
    for (content, part) in [
        (&b""[..], "the file is empty"),
        (b"\n", "the file is empty"),
        (b"\xff\xfes\0q\0", "the file is not UTF-8"),
        (&vec![b'x'; 1024 * 1024 + 1], "larger than 1 MiB"),
    ] {
        let problem = secret(content).problem();
        assert!(
            problem.contains("USHER_DATABASE__URL_FILE: secret: "),
            "{problem}"
        );
        assert!(problem.contains(part), "{problem}");
    }
    for (path, part) in [
        ("missing", "No such file"),
        (".", "directory"),
        ("/dev/zero", "1 MiB"),
    ] {
        let problem = shell(&[("USHER_MAIL__SMTP__PASSWORD_FILE", path)]).problem();
        assert!(
            problem.contains("USHER_MAIL__SMTP__PASSWORD_FILE: "),
            "{problem}"
        );
        assert!(problem.contains(part), "{problem}");
    }
    // A blank in a password belongs to it.
    let ends_with_blank = shell(&[("USHER_MAIL__SMTP__PASSWORD_FILE", "secret")]);
    fs::write(ends_with_blank.path().join("secret"), " hunter2 \n").unwrap();
    let warned = ends_with_blank.check();
    assert!(
        warned.contains("ends with a blank") && !warned.contains("hunter2"),
        "{warned}"
    );

    let both = [
        ("USHER_MAIL__SMTP__PASSWORD", "a"),
        ("USHER_MAIL__SMTP__PASSWORD_FILE", "b"),
    ];
    let problem = shell(&both).problem();
    assert!(
        problem.contains("USHER_MAIL__SMTP__PASSWORD and USHER_MAIL__SMTP__PASSWORD_FILE"),
        "{problem}"
    );
    // Compose gives an empty one where nothing is set.
    let empty = [
        ("USHER_MAIL__SMTP__PASSWORD", "a"),
        ("USHER_MAIL__SMTP__PASSWORD_FILE", ""),
    ];
    assert_eq!(shell(&empty).check(), "");
    let empty = [
        ("USHER_MAIL__SMTP__PASSWORD", ""),
        ("USHER_MAIL__SMTP__PASSWORD_FILE", ""),
    ];
    assert_eq!(shell(&empty).show().value("mail.smtp.password"), "\"\"");
}

#[test]
fn bytes_that_are_no_text_end_nothing_with_a_panic() {
    let mut foreign = shell(&[]);
    foreign.variables = vec![
        (b"FOO".to_vec(), b"\xff".to_vec()),
        (b"BAR\xff".to_vec(), b"x".to_vec()),
    ];
    for command in [
        &["--help"][..],
        &["schema"],
        &["config", "show"],
        &["doctor"],
    ] {
        let said = foreign.run(command);
        assert_eq!(said.code, Some(0), "{command:?}: {}", said.error);
    }
    assert_eq!(foreign.check(), "");
    let mut own = shell(&[]);
    own.variables = vec![(b"USHER_BRANDING__NAME".to_vec(), b"\xff".to_vec())];
    for command in [
        &[][..],
        &["config", "check"],
        &["config", "show"],
        &["demo"],
    ] {
        let said = own.run(command);
        assert_eq!(said.code, Some(1), "{command:?}: {}", said.error);
        assert_eq!(
            said.error,
            "usher: environment variable USHER_BRANDING__NAME: is not UTF-8\n"
        );
    }
    let usher = Command::new(env!("CARGO_BIN_EXE_usher"))
        .arg("--set")
        .arg(OsStr::from_bytes(b"branding.name=\xff"))
        .finish();
    assert_eq!(usher.status.code(), Some(2), "{usher:?}");
}

#[test]
fn a_configuration_file_that_cannot_be_read_is_named() {
    let shell = shell(&[]);
    let file = shell.path().join("usher.toml");
    fs::write(&file, b"[branding]\nname = \"\xff\"\n").unwrap();
    let problem = shell.problem();
    assert!(
        problem.contains("usher.toml: the file is not UTF-8"),
        "{problem}"
    );
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let problem = shell.problem();
    assert!(
        problem.contains("usher.toml: ") && problem.contains("directory"),
        "{problem}"
    );
}

#[test]
fn values_beyond_all_bounds_are_refused_in_words() {
    for (setting, part) in [
        ("invitations.valid_for=5 minuets", "a duration such as 30s"),
        ("invitations.valid_for=-1s", "a duration such as 30s"),
        ("invitations.valid_for=30", "a duration such as 30s"),
        (
            "invitations.valid_for=18446744073709551615s",
            "at most 100 years",
        ),
        (
            "server.shutdown_timeout=1000000000000s",
            "at most 100 years",
        ),
        ("mail.queue.lease=1000000000000s", "at most 100 years"),
        ("throttle.forget_after=1000000000000s", "at most 100 years"),
        ("mail.queue.keep_sent_days=4294967295", "100 years"),
        ("event_log.keep_days=4294967295", "100 years"),
        ("mail.queue.workers=-1", "-1 is not a whole number"),
        ("mail.queue.workers=1.5", "1.5 is not a whole number"),
        (
            "database.max_connections=18446744073709551616",
            "is not a whole number",
        ),
        (
            "passwords.min_score=256",
            "is not a whole number from 0 to 255",
        ),
        ("passwords.hash_queue=18446744073709551615", "1,000,000"),
        ("passwords.argon2.memory_kib=4294967295", "4 GiB"),
        ("passwords.argon2.iterations=4294967295", "1,000"),
        ("pages.enabled=perhaps", "\"perhaps\" is not true or false"),
        ("server.bind=localhost:8000", "127.0.0.1:8000"),
        ("server.bind=:8000", "127.0.0.1:8000"),
        ("environment=prodution", "did you mean production?"),
        ("log.format=xml", "is not one of text, json"),
        ("server.bnid=x", "did you mean server.bind?"),
        ("bind=x", "unknown key"),
        ("public_url=x", "did you mean server.public_url?"),
        ("mail.form=x", "did you mean mail.from?"),
        ("mail=x", "is a section"),
        ("mail.smtp=x", "is a section"),
    ] {
        let shell = shell(&[]);
        let said = shell.run(&["config", "check", "--set", setting]);
        assert_eq!(said.code, Some(1), "{setting}");
        assert!(said.error.contains(part), "{setting}: {}", said.error);
        let (key, _) = setting.split_once('=').unwrap();
        assert!(said.error.contains(key), "{setting}: {}", said.error);
    }
}

#[test]
fn a_variable_names_the_configuration_file() {
    let shell = shell(&[("USHER_CONFIG", "etc/people.toml")]);
    fs::create_dir(shell.path().join("etc")).unwrap();
    let write = |name: &str, brand: &str| {
        let text = format!("[branding]\nname = \"{brand}\"\n");
        fs::write(shell.path().join(name), text).unwrap();
    };
    write("etc/people.toml", "named by the variable");
    write("usher.toml", "in the folder");
    write("other.toml", "named by the command line");
    assert_eq!(
        shell.show().value("branding.name"),
        "\"named by the variable\""
    );
    let both = shell.run(&["config", "show", "--config", "other.toml"]);
    assert_eq!(both.value("branding.name"), "\"named by the command line\"");
    fs::remove_file(shell.path().join("etc/people.toml")).unwrap();
    let problem = shell.problem();
    assert!(problem.contains("etc/people.toml"), "{problem}");

    let empty = self::shell(&[("USHER_CONFIG", "")]);
    assert_eq!(empty.show().code, Some(0));
}

#[test]
fn half_of_a_login_is_refused() {
    for (half, missing) in [
        ("USHER_MAIL__SMTP__USERNAME", "mail.smtp.password"),
        ("USHER_MAIL__SMTP__PASSWORD", "mail.smtp.username"),
    ] {
        let shell = shell(&[("USHER_MAIL__TRANSPORT", "smtp"), (half, "usher")]);
        let problem = shell.problem();
        assert!(
            problem.contains(&format!("{missing}: is empty")),
            "{problem}"
        );
    }
}
