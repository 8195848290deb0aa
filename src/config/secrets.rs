//! What of a setting may be shown: in messages, in the log, and to whoever asks what is set.
//!
//! What cannot be told from a secret for certain is masked as a whole.

use figment::value::{Dict, Value};
use url::Url;

use super::default_types::{DefaultTypes, is_secret, settings_in};

/// What stands for a secret.
pub(super) const MASK: &str = "****";

/// The keys of an application; all are shown.
const OF_APPLICATIONS: &[&str] = &["code", "name", "description", "actions", "url"];
/// The keys of a role; all are shown.
const OF_ROLES: &[&str] = &["code_name", "name", "description", "permissions"];

/// The keys of the tables that there may be any number of, where the path leads to one.
fn keys_of_each(path: &[&str]) -> &'static [&'static str] {
    match path.first() {
        Some(&"applications") => OF_APPLICATIONS,
        Some(&"roles") => OF_ROLES,
        _ => &[],
    }
}

/// A setting as TOML writes it, without what is secret about it. The value of a key that there is not
/// may be a mistyped key's secret.
pub(super) fn shown(key: &str, value: &Value, types: &DefaultTypes) -> String {
    let path: Vec<&str> = key.split('.').collect();
    let open = keys_of_each(&path);
    let is_of_one = path.last().is_some_and(|last| open.contains(last));
    match types.has_setting(key) || is_of_one {
        true if is_secret(&path) => match value.as_str() {
            Some("") => "\"\"".to_owned(),
            _ => format!("{MASK:?}"),
        },
        true if key == "database.url" => match value.as_str() {
            Some(url) => format!("{:?}", without_password(url)),
            None => format!("{MASK:?}"),
        },
        true => shown_parts(value, open),
        false => format!("{MASK:?}"),
    }
}

/// Whether any of a file's settings is one that is not shown.
pub(super) fn any_in(table: &Dict, types: &DefaultTypes) -> bool {
    let mut settings = settings_in(table).into_iter();
    settings.any(|(key, value)| shown(&key, value, types).contains(MASK))
}

/// Lists, numbers and booleans look alike in TOML and JSON. Of tables, the open keys' values are shown.
fn shown_parts(value: &Value, open: &[&str]) -> String {
    match value {
        Value::String(_, text) => format!("{:?}", without_credentials(text)),
        Value::Array(_, items) => {
            let items: Vec<String> = items.iter().map(|item| shown_parts(item, open)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Dict(_, table) => {
            let pairs = table.iter().map(|(name, value)| {
                let value = if open.contains(&name.as_str()) {
                    shown_parts(value, open)
                } else {
                    format!("{MASK:?}")
                };
                format!("{name} = {value}")
            });
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

/// Parameters of PostgreSQL's and MySQL's addresses, as sqlx knows them, whose values may be shown.
const OPEN_PARAMETERS: [&str; 20] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "sslca",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "application_name",
    "charset",
    "collation",
    "socket",
    "timezone",
    "time-zone",
];
/// The others that it knows.
const CLOSED_PARAMETERS: [&str; 4] = ["password", "sslkey", "ssl-key", "options"];

/// A database's address as it may be shown.
pub fn without_password(url: &str) -> String {
    match server_of(url) {
        Server::None => url.to_owned(),
        Server::Unknown => MASK.to_owned(),
        Server::Some => {
            let is_open = |key: &str| OPEN_PARAMETERS.contains(&key);
            masked(url, true, is_open).unwrap_or_else(|| MASK.to_owned())
        }
    }
}

/// Why a database's address cannot be read, if so.
pub(super) fn flaw_of_database_url(url: &str) -> Option<&'static str> {
    match server_of(url) {
        Server::None => None,
        Server::Unknown => Some("must start with sqlite://, postgres:// or mysql://"),
        Server::Some => {
            let Some(url) = readable(url).filter(|url| url.fragment().is_none()) else {
                return Some(
                    "cannot be read. In its user name and password, write % as %25, # as %23, / as %2F, ? as %3F, @ as %40, : as %3A and & as %26",
                );
            };
            // sqlx would write the value of an unknown one into the log.
            let is_known = |key: &str| {
                OPEN_PARAMETERS.contains(&key)
                    || CLOSED_PARAMETERS.contains(&key)
                    || key.starts_with("options[")
            };
            let are_known = url.query_pairs().all(|(key, _)| is_known(&key));
            (!are_known).then_some(
                "has an unknown parameter behind its ?. In values, write % as %25, & as %26, # as %23 and + as %2B",
            )
        }
    }
}

/// Whether a database is on a server, to which somebody signs in.
enum Server {
    Some,
    /// It is a file.
    None,
    Unknown,
}

fn server_of(url: &str) -> Server {
    match url.split_once(':').unwrap_or_default().0 {
        "sqlite" => Server::None,
        "postgres" | "postgresql" | "mysql" | "mariadb" => Server::Some,
        _ => Server::Unknown,
    }
}

/// Any other text as it may be shown; it may be a URL.
pub(super) fn without_credentials(text: &str) -> String {
    let is_open = |key: &str| {
        let key = key.to_lowercase();
        ["pass", "pw", "secret", "key"]
            .iter()
            .all(|word| !key.contains(word))
    };
    if !text.contains("://") {
        return text.to_owned();
    }
    match masked(text, false, is_open) {
        Some(masked) => masked,
        // Text with a URL in it, at most.
        None if !text.contains('@') && is_open(text) => text.to_owned(),
        None => MASK.to_owned(),
    }
}

/// The URL without its password; none, where it cannot be told for certain which part that is. What stands
/// alone before an `@` is a user's name in a database's address, and a key in many another.
fn masked(text: &str, shows_user: bool, is_open: impl Fn(&str) -> bool) -> Option<String> {
    let mut url = readable(text)?;
    let mut is_changed = false;
    if url.password().is_none() && !url.username().is_empty() && !shows_user {
        url.set_username(MASK).ok()?;
        is_changed = true;
    }
    if url.password().is_some() {
        url.set_password(Some(MASK)).ok()?;
        is_changed = true;
    }
    // Nobody can tell where a value ends that holds an & of its own.
    if url.query_pairs().any(|(key, _)| !is_open(&key)) {
        url.set_query(Some(MASK));
        url.set_fragment(None);
        is_changed = true;
    }
    // As it was written, rather than as it is encoded.
    Some(if is_changed {
        url.into()
    } else {
        text.to_owned()
    })
}

/// Reads a URL with a password, if it is clear where the password ends: behind one that holds `/`, `?`
/// or `#` as they are, there is an `@` where none belongs.
fn readable(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let (scheme, rest) = text.split_once("://")?;
    if scheme.contains(':') {
        // The slashes are a part of what follows, such as a password.
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let is_odd = authority.is_empty() || authority.contains(':');
    let is_clear = !(is_odd && rest.contains('@'));
    is_clear.then_some(url)
}
