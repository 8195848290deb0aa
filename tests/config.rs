//! The configuration's layers. A binary of its own, because it reads files and variables of its own.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing has failed")]

use std::path::PathBuf;

use secrecy::ExposeSecret;
use usher::config::{Config, Layers};

struct Setup {
    folder: tempfile::TempDir,
    layers: Layers,
}

impl Setup {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            layers: Layers::default(),
        }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn file(mut self, text: &str) -> Self {
        self.layers.file = Some(self.write("usher.toml", text));
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.layers.environment.push((name.into(), value.into()));
        self
    }

    fn set(mut self, pair: &str) -> Self {
        self.layers.command_line.push(pair.to_owned());
        self
    }

    fn load(&self) -> Config {
        self.layers.load().unwrap()
    }

    fn problem(&self) -> String {
        self.layers.load().unwrap_err().to_string()
    }
}

fn smtp<'a>(config: &'a Config, key: &str) -> &'a serde_json::Value {
    &config.mail.transports["smtp"][key]
}

#[test]
fn the_defaults_are_the_file_that_documents_them() {
    let config = Setup::new().load();
    assert_eq!(config.server.bind.to_string(), "127.0.0.1:8000");
    assert_eq!(config.mail.transport, "log");
    assert_eq!(config.mail.queue.workers, 4);
    assert_eq!(config.sessions.idle_timeout.as_secs(), 30 * 24 * 60 * 60);
    assert!(config.applications.is_empty());
}

/// Whoever moves the server to a free port gets links that lead there.
#[test]
fn the_public_url_follows_the_port_of_this_machine_until_it_is_set() {
    let public_url = |settings: &[&str]| {
        let setup = settings
            .iter()
            .fold(Setup::new(), |setup, setting| setup.set(setting));
        setup.load().server.public_url
    };
    let default = "http://127.0.0.1:8000";
    assert_eq!(public_url(&[]), default);
    let moved = "server.bind=127.0.0.1:8001";
    assert_eq!(public_url(&[moved]), "http://127.0.0.1:8001");
    assert_eq!(public_url(&["server.bind=[::1]:8001"]), "http://[::1]:8001");
    let set = "server.public_url=https://people.kbank.com";
    assert_eq!(public_url(&[moved, set]), "https://people.kbank.com");
    // Which port it will be, or by which name others know the machine, cannot be told.
    assert_eq!(public_url(&["server.bind=127.0.0.1:0"]), default);
    assert_eq!(public_url(&["server.bind=0.0.0.0:8001"]), default);
}

#[test]
fn each_layer_overrides_the_one_below_key_by_key() {
    let setup = Setup::new()
        .file("[mail.smtp]\nhost = \"file\"\nport = 1\nusername = \"file\"")
        .variable("USHER_MAIL__SMTP__PORT", "2")
        .variable("USHER_MAIL__SMTP__USERNAME", "environment")
        .variable("OTHER_MAIL__SMTP__HOST", "other")
        .set("mail.smtp.username=command line");
    let config = setup.load();
    assert_eq!(smtp(&config, "host"), "file");
    assert_eq!(smtp(&config, "port"), 2);
    assert_eq!(smtp(&config, "username"), "command line");
    assert_eq!(smtp(&config, "tls"), "required");
}

#[test]
fn a_value_has_the_type_of_its_default() {
    let config = Setup::new()
        .variable("USHER_MAIL__SMTP__PASSWORD", "0815")
        .variable("USHER_BRANDING__NAME", "true")
        .variable("USHER_PLAYGROUND__ENABLED", "false")
        .set("server.allowed_origins=[\"https://a.example\", \"https://b.example\"]")
        .load();
    assert_eq!(smtp(&config, "password"), "0815");
    assert_eq!(config.branding.name, "true");
    assert!(!config.serves_playground());
    assert_eq!(config.server.allowed_origins.len(), 2);
}

#[test]
fn a_secret_can_come_from_a_file() {
    let setup = Setup::new();
    let secret = setup.write("secret", "postgres://usher:s3cret@db/usher\n");
    let certificate = setup.write("ca.pem", "");
    let setup = setup
        .variable("USHER_DATABASE__URL_FILE", secret.to_str().unwrap())
        .variable("USHER_MAIL__SMTP__CA_FILE", certificate.to_str().unwrap());
    let config = setup.load();
    assert_eq!(
        config.database.url.expose_secret(),
        "postgres://usher:s3cret@db/usher"
    );
    assert_eq!(smtp(&config, "ca_file"), certificate.to_str().unwrap());
    assert!(!format!("{config:?}").contains("s3cret"));

    let missing = Setup::new().variable("USHER_DATABASE__URL_FILE", "/nowhere/at/all");
    let problem = missing.problem();
    assert!(
        problem.contains("USHER_DATABASE__URL_FILE") && problem.contains("/nowhere/at/all"),
        "{problem}"
    );
}

#[test]
fn an_unknown_key_is_named_with_its_layer() {
    for (setup, parts) in [
        (
            Setup::new().file("[sever]\nbind = \"x\""),
            ["usher.toml", "sever"],
        ),
        (
            Setup::new().file("[mail.queue]\nwrokers = 1"),
            ["usher.toml", "mail.queue.wrokers"],
        ),
        (
            Setup::new().file("[mail]\nform = \"x\""),
            ["usher.toml", "mail.form"],
        ),
        (
            Setup::new().file("[[applications]]\ncode = \"a\"\nnmae = \"b\""),
            ["usher.toml", "nmae"],
        ),
        (
            Setup::new().variable("USHER_SERVER__BNID", "x"),
            ["environment variable", "USHER_SERVER__BNID"],
        ),
        (
            Setup::new().set("server.bnid=x"),
            ["command line", "server.bnid"],
        ),
    ] {
        let problem = setup.problem();
        for part in parts {
            assert!(problem.contains(part), "{problem}");
        }
        assert!(problem.contains("unknown key"), "{problem}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_its_layer() {
    for (setup, parts) in [
        (
            Setup::new().file("[mail.queue]\nworkers = \"four\""),
            ["usher.toml", "mail.queue.workers"],
        ),
        (
            Setup::new().variable("USHER_MAIL__QUEUE__WORKERS", "four"),
            ["USHER_MAIL__QUEUE__WORKERS", "four"],
        ),
        (
            Setup::new().set("sessions.idle_timeout=soon"),
            ["command line", "sessions.idle_timeout"],
        ),
        (
            Setup::new().set("environment=staging"),
            ["command line", "environment"],
        ),
        (
            Setup::new().set("server.public_url=example.com"),
            ["server.public_url", "example.com"],
        ),
        (
            Setup::new().set("server.public_url=ftp://example.com"),
            ["server.public_url", "https://"],
        ),
    ] {
        let problem = setup.problem();
        for part in parts {
            assert!(problem.contains(part), "{problem}");
        }
    }
}

#[test]
fn every_transport_has_a_section_that_documents_it() {
    let config = Setup::new().load();
    let sections: Vec<&str> = config.mail.transports.keys().map(String::as_str).collect();
    let registry = transports::Registry::builtin();
    assert_eq!(sections, registry.names().collect::<Vec<_>>());
    for name in sections {
        registry.build(name, &config.mail.transports).unwrap();
    }
}
