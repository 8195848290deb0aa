//! Settings in the environment and in a file: whatever they hold, they are read or refused, and what
//! is said of them never shows a secret.
//!
//! Each line of the input is a variable, up to a line `%%`, after which the file follows. `{secret}`
//! stands for a password.

use std::sync::LazyLock;

use tempfile::TempDir;
use transports::Registry;
use usher::config::Layers;
use usher::server;

const SECRET: &str = "walrus-teapot";

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (variables, file) = text.split_once("%%\n").unwrap_or((text, ""));
    let variables = variables.replace("{secret}", SECRET);
    let environment = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, value)| is_safe(name, value))
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let path = FOLDER.path().join("usher.toml");
    std::fs::write(&path, file).expect("a file");
    let layers = Layers {
        file: Some(path),
        environment,
        command_line: Vec::new(),
    };
    let said = match layers.read() {
        Ok(settings) => {
            let problems = server::check(&settings, &Registry::builtin()).err();
            let shown = layers.shown().expect("what was read is shown");
            format!(
                "{settings:?} {problems:?} {shown:?} {:?}",
                layers.warnings()
            )
        }
        Err(error) => error.to_string(),
    };
    assert!(!said.contains(SECRET), "{said}");
}

/// A variable that names a file makes it be read. And what is in no place of a secret may be quoted
/// where it is wrong.
fn is_safe(name: &str, value: &str) -> bool {
    let places = value.matches(SECRET).count();
    !(name.ends_with("_FILE") || name.contains(SECRET))
        && (places == 0 || places == 1 && is_place_of_a_secret(name, value))
}

fn is_place_of_a_secret(name: &str, value: &str) -> bool {
    let (before, _) = value.split_once(SECRET).unwrap_or_default();
    let (scheme, before) = before.split_once("://").unwrap_or_default();
    let user = before.strip_suffix(':');
    let is_password = user.is_some_and(|user| !user.contains(['/', '?', '#', '@', ':']))
        || before.ends_with("?password=");
    match name {
        "USHER_MAIL__SMTP__PASSWORD" => true,
        "USHER_DATABASE__URL" => scheme != "sqlite" && is_password,
        _ => false,
    }
}
