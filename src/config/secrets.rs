//! What of a setting may be shown: in messages, in the log, and to whoever asks what is set.
//!
//! What cannot be told from a secret for certain is masked as a whole.

use figment::value::{Dict, Value};
use url::Url;

use super::layers::{Shapes, is_secret};

/// What stands for a secret.
pub(super) const MASK: &str = "****";

/// The keys of an application; all are shown.
const OF_APPLICATIONS: [&str; 4] = ["code", "name", "actions", "url"];

/// A setting as TOML writes it, without what is secret about it. The value of a key that there is not
/// may be a mistyped key's secret.
pub(super) fn shown(key: &str, value: &Value, shapes: &Shapes) -> String {
    let path: Vec<&str> = key.split('.').collect();
    let is_of_application = path[0] == "applications"
        && path
            .last()
            .is_some_and(|last| OF_APPLICATIONS.contains(last));
    match shapes.has_setting(key) || is_of_application {
        true if is_secret(&path) => match value.as_str() {
            Some("") => "\"\"".to_owned(),
            _ => format!("{MASK:?}"),
        },
        true => shown_parts(key, value),
        false => format!("{MASK:?}"),
    }
}

/// Whether any of a file's settings is one that is not shown.
pub(super) fn any_in(table: &Dict, shapes: &Shapes) -> bool {
    fn walk(path: &str, table: &Dict, shapes: &Shapes) -> bool {
        table.iter().any(|(key, value)| {
            let path = match path {
                "" => key.clone(),
                path => format!("{path}.{key}"),
            };
            match value.as_dict() {
                Some(table) => walk(&path, table, shapes),
                None => shown(&path, value, shapes).contains(MASK),
            }
        })
    }
    walk("", table, shapes)
}

/// Lists, numbers and booleans look alike in TOML and JSON.
fn shown_parts(key: &str, value: &Value) -> String {
    let masked = |text: &str| match key {
        "database.url" => without_password(text),
        _ => without_credentials(text),
    };
    match value {
        Value::String(_, text) => format!("{:?}", masked(text)),
        Value::Array(_, items) => {
            let items: Vec<String> = items.iter().map(|item| shown_parts(key, item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Dict(_, table) => {
            let pairs = table.iter().map(|(name, value)| {
                let value = match OF_APPLICATIONS.contains(&name.as_str()) {
                    true => shown_parts(key, value),
                    false => format!("{MASK:?}"),
                };
                format!("{name} = {value}")
            });
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

/// A database's address as it may be shown.
pub fn without_password(url: &str) -> String {
    let (scheme, _) = url.split_once(':').unwrap_or_default();
    match scheme {
        // It names a file.
        "sqlite" => url.to_owned(),
        "postgres" | "postgresql" | "mysql" | "mariadb" => {
            masked(url).unwrap_or_else(|| MASK.to_owned())
        }
        _ => MASK.to_owned(),
    }
}

/// Why a database's address cannot be read, if so.
pub(super) fn flaw_of_database_url(url: &str) -> Option<&'static str> {
    let (scheme, _) = url.split_once(':').unwrap_or_default();
    match scheme {
        "sqlite" => None,
        "postgres" | "postgresql" | "mysql" | "mariadb" => readable(url).is_none().then_some(
            "cannot be read. In its user name and password, write % as %25, # as %23, / as %2F, ? as %3F, @ as %40 and : as %3A",
        ),
        _ => Some("must start with sqlite://, postgres:// or mysql://"),
    }
}

/// Any other text as it may be shown; it may be a URL.
fn without_credentials(text: &str) -> String {
    match text.contains("://") && text.contains('@') {
        true => masked(text).unwrap_or_else(|| MASK.to_owned()),
        false => text.to_owned(),
    }
}

/// The URL without its password; none, where it cannot be told for certain which part that is.
fn masked(text: &str) -> Option<String> {
    let mut url = readable(text)?;
    if url.password().is_some() {
        url.set_password(Some(MASK)).ok()?;
    }
    let is_secret = |key: &str| {
        ["pass", "pwd", "secret", "token", "key"]
            .iter()
            .any(|word| key.contains(word))
    };
    // Nobody can tell where a value ends that holds an & of its own.
    if url
        .query_pairs()
        .any(|(key, _)| is_secret(&key.to_lowercase()))
    {
        url.set_query(Some(MASK));
    }
    Some(url.into())
}

/// Reads a URL with a password, if it is clear where the password ends: behind one that holds `/`, `?`
/// or `#` as they are, there is an `@` where none belongs.
fn readable(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let (_, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let is_clear = !(authority.contains(':') && rest.contains('@'));
    is_clear.then_some(url)
}
