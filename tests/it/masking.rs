//! No output holds a secret, whether or not it can be read: neither what is shown nor what is complained
//! about.

use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use usher::config::Layers;

use crate::support::Finish;

/// A secret that no other text holds, whichever characters are around its middle.
fn secret() -> impl Strategy<Value = String> {
    // Those that mean something in an address more often than others.
    let rest = "([ -~äß\u{200b}]|[/:@?#=]){0,6}";
    (rest, rest).prop_map(|(before, after)| format!("{before}zq7kx{after}"))
}

/// The addresses that hold this password, at every place where people put one.
fn addresses(password: &str) -> Vec<String> {
    vec![
        format!("postgres://usher:{password}@127.0.0.1:1/usher"),
        format!("postgres://usher:12{password}@127.0.0.1:1/usher"),
        format!("postgres://usher:/{password}@127.0.0.1:1/usher"),
        format!("postgres://usher:1?{password}@127.0.0.1:1/usher?sslmode=disable"),
        format!("postgres://:{password}@127.0.0.1:1/usher"),
        format!("postgresql://usher:p@{password}@127.0.0.1:1/usher"),
        format!("mysql://usher:{password}@127.0.0.1:1/usher"),
        format!("postgres:///usher:{password}@127.0.0.1/usher"),
        format!("postgres:////usher:{password}@127.0.0.1/usher"),
        format!("mariadb://usher:{password}@[::1]:1/usher"),
        format!("postgres:///usher?host=/run/nowhere&user=usher&password={password}"),
        format!("postgres:///usher?password={password}&host=/run/nowhere"),
        format!("postgres:usher:{password}@127.0.0.1/usher"),
        format!("usher:{password}@127.0.0.1/usher"),
        format!("postgres//usher:{password}@127.0.0.1/usher"),
        format!("oracle://usher:{password}@127.0.0.1/usher"),
        password.to_owned(),
    ]
}

fn texts(layers: &Layers) -> String {
    let mut texts = String::new();
    match layers.shown() {
        Ok(shown) => texts += &format!("{shown:?}"),
        Err(error) => texts += &error.to_string(),
    }
    match layers.load() {
        Ok(config) => texts += &format!("{config:?}"),
        Err(error) => texts += &error.to_string(),
    }
    match layers.warnings() {
        Ok(warnings) => texts += &warnings.join("\n"),
        Err(error) => texts += &error.to_string(),
    }
    texts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_password_is_shown_in_no_form(password in secret()) {
        must_hide(&password);
    }
}

/// What was once shown.
#[test]
fn a_password_is_not_taken_for_the_server() {
    must_hide("//zq7kx");
}

fn must_hide(password: &str) {
    for url in addresses(password) {
        for set in [
            "database.url",
            "database",
            "databse.url",
            "server.public_url",
            "mail.smtp.host",
        ] {
            let layers = Layers {
                file: Some("/dev/null".into()),
                command_line: vec![format!("{set}={url}")],
                ..Layers::default()
            };
            // At another's key, only an address can be told from what belongs there.
            if set.starts_with("data") || url.contains("://") {
                let texts = texts(&layers);
                assert!(!texts.contains("zq7kx"), "{set}={url}: {texts}");
            }
        }
        let layers = Layers {
            file: Some("/dev/null".into()),
            environment: vec![("USHER_DATABASE__URL".into(), url.clone().into())],
            // What stands before a = is a key, which is named where there is none such.
            command_line: Some(url)
                .filter(|url| *url != password || !url.contains('='))
                .into_iter()
                .collect(),
        };
        let texts = texts(&layers);
        assert!(!texts.contains("zq7kx"), "{texts}");
    }
    for set in [
        "mail.smtp.password",
        "mail.smtp.pasword",
        "mail.smtp",
        "mail.pigeon.api",
        "mail.password",
        "mail",
    ] {
        let layers = Layers {
            file: Some("/dev/null".into()),
            command_line: vec![format!("{set}={password}")],
            ..Layers::default()
        };
        let texts = texts(&layers);
        assert!(!texts.contains("zq7kx"), "{set}={password}: {texts}");
    }
}

fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_usher"))
        .current_dir(folder)
        .args(arguments)
        .args(["--set", "database.wait=0s"])
        .finish();
    format!(
        "{:?}\n{}{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The passwords that people have trouble with, with every command that reads the settings.
#[test]
fn no_command_prints_a_password_that_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    for url in [
        "postgres://usher:zq#7kx/y@127.0.0.1:1/usher",
        "postgres://usher:12#7kx@127.0.0.1:1/usher",
        "postgres://usher:p@zq/7kx@127.0.0.1:1/usher",
        "mysql://usher:zq?7kx@127.0.0.1:1/usher",
        "postgres://usher:zq%7kx@127.0.0.1:1/usher",
        "postgres:///usher?host=/run/nowhere&user=usher&password=zq7kx",
        "postgres://usher:x@127.0.0.1:1/usher?pw=zq7kx",
        "postgres://usher:x@127.0.0.1:1/usher?password=x&zq7kx",
    ] {
        let set = format!("database.url={url}");
        for command in [
            &["config", "show"][..],
            &["config", "check"],
            &["doctor"],
            &["migrate"],
            &["invite-administrator", "a@b.example"],
            &["reset-password", "a@b.example"],
        ] {
            let said = said(folder.path(), &[command, &["--set", &set]].concat());
            assert!(!said.contains("7kx"), "{command:?} {url}: {said}");
            assert!(!said.contains("zq"), "{command:?} {url}: {said}");
        }
        let checked = said(folder.path(), &["config", "check", "--set", &set]);
        let is_unreadable = url.contains("zq#") || url.contains("12#") || url.contains("zq?");
        let says_how = checked.contains("# as %23");
        assert!(says_how || !is_unreadable, "{url}: {checked}");
    }
}

/// Types that are wrong, TOML that is none, and values at the wrong key.
#[test]
fn a_complaint_about_a_file_repeats_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        "[mail.smtp]\npassword = 77127\n",
        "[mail.smtp]\npassword = [\"zq77127\"]\n",
        "[mail.smtp]\npassword = \"zq77127\n",
        "[mail.smtp]\npassword = zq77127\n",
        "[mail.smtp]\npassword = \"zq77127\"\npassword = \"zq77127\"\n",
        "[mail]\nsmtp = \"zq77127\"\n",
        "[database]\nurl = 77127\n",
        "[database]\nurl = [\"postgres://usher:zq77127@db/usher\"]\n",
        "[database]\npassword = \"zq77127\"\n",
        "database = \"postgres://usher:zq77127@db/usher\"\n",
        "database_url = \"postgres://usher:zq77127@db/usher\"\n",
        "[[applications]]\ncode = \"hub\"\nname = \"Hub\"\nactions = [\"view\"]\nsecret = \"zq77127\"\n",
        "[[applications]]\ncode = \"hub\"\nname = \"Hub\"\nactions = [\"view\"]\nurl = \"https://u:zq77127@x.example\"\n",
    ] {
        fs::write(folder.path().join("usher.toml"), text).unwrap();
        for command in [
            &["config", "show"][..],
            &["config", "check"],
            &["doctor"],
            &["migrate"],
        ] {
            let said = said(folder.path(), command);
            assert!(!said.contains("77127"), "{command:?} {text}: {said}");
            let is_refused = command != ["config", "show"];
            assert!(
                !is_refused || said.starts_with("Some(1)"),
                "{command:?} {text}: {said}"
            );
        }
    }
}

#[test]
fn what_is_no_secret_is_shown() {
    let shown = |set: &str| {
        let layers = Layers {
            file: Some("/dev/null".into()),
            command_line: vec![set.to_owned()],
            ..Layers::default()
        };
        let (key, _) = set.split_once('=').unwrap();
        let shown = layers.shown().unwrap();
        let setting = shown.into_iter().find(|setting| setting.key == key);
        setting.unwrap().value
    };
    for (set, value) in [
        (
            "database.url=postgres://usher:x@db/usher",
            "\"postgres://usher:****@db/usher\"",
        ),
        (
            "database.url=postgres://usher@db:5433/usher?sslmode=require",
            "\"postgres://usher@db:5433/usher?sslmode=require\"",
        ),
        (
            "database.url=postgres:///usher?host=/run/postgresql&password=x",
            "\"postgres:///usher?****\"",
        ),
        (
            "database.url=sqlite:///var/lib/a@b/usher.db?mode=rwc",
            "\"sqlite:///var/lib/a@b/usher.db?mode=rwc\"",
        ),
        (
            "branding.logo_url=https://cdn.kbank.com/logo@2x.png",
            "\"https://cdn.kbank.com/logo@2x.png\"",
        ),
        (
            "links.invitation=https://app.kbank.com/accept?token={token}",
            "\"https://app.kbank.com/accept?token={token}\"",
        ),
        (
            "mail.from=Usher <no-reply@kbank.com>",
            "\"Usher <no-reply@kbank.com>\"",
        ),
        ("mail.smtp.password=x", "\"****\""),
        (
            "applications=[{code=\"hub\", description=\"Texts.\", secret=\"x\"}]",
            "[{ code = \"hub\", description = \"Texts.\", secret = \"****\" }]",
        ),
        (
            "roles=[{code_name=\"Hub\", permissions=[\"hub.view\"], url=\"x\"}]",
            "[{ code_name = \"Hub\", permissions = [\"hub.view\"], url = \"****\" }]",
        ),
    ] {
        assert_eq!(shown(set), value);
    }
}
