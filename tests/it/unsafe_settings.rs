//! Settings that are unsafe: each is refused or warned of, before the server starts and when it does.

use std::path::Path;
use std::process::Command;

use usher::config::Layers;

use crate::support::{Binary, Finish};

fn usher(folder: &Path, command: &[&str], settings: &[&str]) -> (bool, String, String) {
    let mut usher = Command::new(env!("CARGO_BIN_EXE_usher"));
    usher.current_dir(folder).args(command);
    for setting in settings {
        usher.args(["--set", setting]);
    }
    let output = usher.finish();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// What `usher config check` says of these settings: whether the server would start, and why not or
/// with which warnings.
fn check(settings: &[&str]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let (would_start, _, said) = usher(folder.path(), &["config", "check"], settings);
    (would_start, said)
}

const PRODUCTION: &[&str] = &[
    "environment=production",
    "server.public_url=https://people.kbank.com",
    "server.trusted_proxies=[\"10.0.0.0/8\"]",
    "mail.from=People <people@kbank.com>",
    "mail.transport=smtp",
];

#[test]
fn an_address_that_breaks_links_or_gives_a_password_away_is_refused() {
    for (setting, part) in [
        ("server.public_url=https://x.example/#f", "no fragment"),
        ("server.public_url=https://x.example/#", "no fragment"),
        ("server.public_url=https://x.example/?q=1", "no query"),
        ("server.public_url=https://x.example/?", "no query"),
        ("server.public_url=https://u:hunter2@x.example", "password"),
        ("server.public_url=https://hunter2@x.example", "user name"),
        ("server.public_url=https://x.example/a b", "blanks"),
        ("server.public_url=http://0.0.0.0:8000", "nobody can open"),
        ("server.public_url=http://[::]:8000", "nobody can open"),
        ("server.public_url=http://127.0.0.1:0", "nobody can open"),
        ("server.public_url=javascript:alert(1)", "https://"),
        ("server.public_url=https:", "https://"),
        (
            "links.invitation=https://u:hunter2@x.example/{token}",
            "password",
        ),
        (
            "links.invitation=https://hunter2@x.example/{token}",
            "user name",
        ),
        ("links.invitation=https://{token}@x.example/", "user name"),
        (
            "links.invitation=https://{token}.x.example/",
            "behind the host",
        ),
        ("links.invitation=https://x.example/ {token}", "blanks"),
        ("links.invitation=/accept/{token}", "{public_url}, https://"),
        (
            "links.invitation=data:text/html,{token}",
            "{public_url}, https://",
        ),
        (
            "links.password_reset=javascript:go('{token}')",
            "{public_url}, https://",
        ),
        ("links.password_reset={public_ulr}/{token}", "braces"),
        (
            "links.password_reset={public_url}/{token}?for={email}",
            "braces",
        ),
        ("branding.logo_url=javascript:alert(1)", "https://"),
        ("branding.logo_url=data:image/png;base64,AA", "https://"),
        (
            "branding.logo_url=https://u:hunter2@x.example/logo.png",
            "password",
        ),
        ("branding.logo_url=/logo.png", "https://"),
    ] {
        let (would_start, said) = check(&[setting]);
        assert!(!would_start && said.contains(part), "{setting}: {said}");
        let (key, _) = setting.split_once('=').unwrap();
        assert!(said.contains(key), "{setting}: {said}");
        assert!(!said.contains("hunter2"), "{setting}: {said}");
    }
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://u:hunter2@x.example",
        "//x.example",
        "ftp://x.example",
        "https://x.example/a b",
    ] {
        let application = format!(
            "applications=[{{code=\"hub\", name=\"Hub\", actions=[\"view\"], url=\"{url}\"}}]"
        );
        let (would_start, said) = check(&[&application]);
        assert!(
            !would_start && said.contains("applications: the url of \"hub\""),
            "{url}: {said}"
        );
        assert!(!said.contains("hunter2"), "{url}: {said}");
    }
}

#[test]
fn links_may_lead_where_a_front_end_wants_them() {
    for link in [
        "{public_url}/#/accept/{token}",
        "https://app.kbank.com/accept#token={token}",
        "https://app.kbank.com/{token}/accept?from={public_url}",
        "http://localhost:3000/accept?token={token}&next=%2F",
        "https://bücher.example/{token}",
    ] {
        let (would_start, said) = check(&[
            &format!("links.invitation={link}"),
            &format!("links.password_reset={link}"),
        ]);
        assert!(would_start, "{link}: {said}");
    }
}

#[test]
fn production_refuses_links_that_travel_unencrypted() {
    for key in ["links.invitation", "links.password_reset"] {
        let setting = format!("{key}=http://app.kbank.com/{{token}}");
        let (would_start, said) = check(&[PRODUCTION, &[&setting]].concat());
        assert!(
            !would_start && said.contains(key) && said.contains("unencrypted"),
            "{said}"
        );
        let setting = format!("{key}=http://localhost:3000/{{token}}");
        assert!(check(&[PRODUCTION, &[&setting]].concat()).0);
    }
}

#[test]
fn what_is_sound_is_not_warned_of() {
    let private = r#"server.trusted_proxies=["10.0.0.0/8", "fc00::/7", "fe80::/10"]"#;
    for settings in [&[][..], PRODUCTION, &["server.bind=[::1]:8000"], &[private]] {
        assert_eq!(check(settings), (true, String::new()), "{settings:?}");
    }
}

#[test]
fn what_is_unsafe_but_may_be_meant_is_warned_of() {
    let demo: &[&str] = &[];
    for (settings, setting, part) in [
        (
            demo,
            "server.bind=0.0.0.0:8000",
            "environment: \"demo\" is for trying out",
        ),
        (demo, "server.bind=[::]:8000", "secret links are printed"),
        (demo, "server.bind=192.0.2.1:8000", "playground"),
        (
            demo,
            "server.public_url=http://people.kbank.com",
            "server.public_url: ",
        ),
        (
            demo,
            "server.public_url=https://people.kbank.com",
            "server.trusted_proxies: is empty",
        ),
        (
            demo,
            "server.trusted_proxies=[\"0.0.0.0/0\"]",
            "everybody in 0.0.0.0/0 is trusted",
        ),
        (
            demo,
            "server.trusted_proxies=[\"10.0.0.1\", \"128.0.0.0/1\"]",
            "everybody in 128.0.0.0/1 is trusted",
        ),
        (
            demo,
            "server.trusted_proxies=[\"::/0\"]",
            "everybody in ::/0 is trusted",
        ),
        (
            demo,
            "server.trusted_proxies=[\"2000::/3\"]",
            "everybody in 2000::/3 is trusted",
        ),
        (
            demo,
            "server.trusted_proxies=[\"::ffff:0.0.0.0/96\"]",
            "is trusted",
        ),
        (
            demo,
            "server.allowed_origins=[\"http://app.kbank.com\"]",
            "is not encrypted",
        ),
        (
            demo,
            "server.allowed_origins=[\"https://app.kbank.com\"]",
            "another site",
        ),
        (demo, "metrics.bind=0.0.0.0:9090", "metrics.bind: "),
        (
            PRODUCTION,
            "server.trusted_proxies=[]",
            "server.trusted_proxies: is empty",
        ),
        (
            PRODUCTION,
            "passwords.argon2.memory_kib=64",
            "passwords.argon2: ",
        ),
        (
            PRODUCTION,
            "passwords.argon2.iterations=1",
            "passwords.argon2: ",
        ),
        (PRODUCTION, "passwords.min_score=0", "passwords.min_score: "),
        (PRODUCTION, "throttle.account_attempts=101", "throttle: "),
        (
            PRODUCTION,
            "throttle.account_attempts_in_all=4294967295",
            "throttle: ",
        ),
        (
            PRODUCTION,
            "mail.redirect_all_to=qa@kbank.com",
            "mail.redirect_all_to: ",
        ),
    ] {
        let (would_start, said) = check(&[settings, &[setting]].concat());
        assert!(would_start, "{setting}: {said}");
        let is_warning = |line: &&str| line.starts_with("usher: warning: ") && line.contains(part);
        let warnings = said.lines().filter(is_warning).count();
        assert_eq!(warnings, 1, "{setting}: {said}");
        // The doctor says it, too.
        let folder = tempfile::tempdir().unwrap();
        let settings = [settings, &[setting, "mail.transport=file"]].concat();
        if !said.contains("secret links are printed") {
            let (_, report, _) = usher(folder.path(), &["doctor"], &settings);
            let is_noted = |line: &str| line.starts_with("note  ") && line.contains(part);
            assert!(report.lines().any(is_noted), "{setting}: {report}");
        }
    }
    let log = [
        PRODUCTION,
        &["mail.transport=log", "mail.log_in_production=true"],
    ]
    .concat();
    let (would_start, said) = check(&log);
    assert!(
        would_start && said.contains("mail.log_in_production: "),
        "{said}"
    );
    let smtp = [
        "mail.transport=smtp",
        "mail.smtp.host=mail.kbank.com",
        "mail.smtp.tls=none",
    ];
    let (would_start, said) = check(&smtp);
    assert!(would_start && said.contains("mail.smtp.tls: "), "{said}");
}

/// A container begins like this: it starts, and says in its log what others can do.
#[test]
fn a_demo_that_others_can_reach_warns_in_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let running = Binary::start(folder.path(), &["server.bind=0.0.0.0:0"]);
    let log = running.stop();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(
        warnings[0].contains("environment = \"production\""),
        "{log}"
    );
    let log = Binary::start(folder.path(), &[]).stop();
    assert!(!log.contains("WARN"), "{log}");
}

fn problems(settings: &[&str]) -> Vec<String> {
    let layers = Layers {
        command_line: settings
            .iter()
            .map(|setting| (*setting).to_owned())
            .collect(),
        ..Layers::default()
    };
    match layers.load() {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

/// Security rule 13, and the rest of what is fine for a demo only.
#[test]
fn production_refuses_what_is_unsafe_all_at_once() {
    let found = problems(&[
        "environment=production",
        "server.public_url=http://people.kbank.com",
    ]);
    for (problem, key) in found
        .iter()
        .zip(["mail.transport", "server.public_url", "mail.from"])
    {
        assert!(problem.contains(key), "{found:#?}");
    }
    assert_eq!(found.len(), 3, "{found:#?}");
    let sound = [
        "environment=production",
        "server.public_url=https://people.kbank.com",
        "mail.from=People <people@kbank.com>",
    ];
    let with = |settings: &[&str]| problems(&[&sound[..], settings].concat());
    assert_eq!(with(&["mail.transport=smtp"]), [""; 0]);
    assert_eq!(with(&["mail.log_in_production=true"]), [""; 0]);
    assert_eq!(
        with(&[
            "mail.transport=file",
            "server.public_url=http://127.0.0.1:8000"
        ]),
        [""; 0]
    );
    for unsafe_settings in [
        &[
            "mail.transport=smtp",
            "mail.smtp.tls=none",
            "mail.smtp.host=mail.kbank.com",
        ][..],
        &[
            "mail.transport=smtp",
            "mail.smtp.tls=opportunistic",
            "mail.smtp.host=mail.kbank.com",
        ],
        &[
            "mail.transport=failover",
            "mail.failover.transports=[\"smtp\", \"log\"]",
        ],
        &["mail.transport=log"],
    ] {
        assert_eq!(with(unsafe_settings).len(), 1, "{unsafe_settings:?}");
    }
}
