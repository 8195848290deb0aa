//! What type a setting has. The defaults tell: `0815` is a password where the default is text, and a
//! number where the default is one.

use figment::value::{Dict, Value};

/// Keys without a default, each with a value of its type.
const WITHOUT_DEFAULT: [(&[&str], &str); 4] = [
    (&["playground", "enabled"], "true"),
    (&["graphql", "introspection"], "true"),
    (&["applications"], "[]"),
    (&["roles"], "[]"),
];

/// The settings that there are.
pub(super) struct DefaultTypes(Dict);

impl DefaultTypes {
    pub(super) fn of(defaults: Dict) -> Self {
        let mut all = Self(defaults);
        for (path, example) in WITHOUT_DEFAULT {
            insert(&mut all.0, path, parse(example));
        }
        all
    }

    /// The default of a setting, or of a section; none for a key that there is not.
    pub(super) fn find(&self, path: &[&str]) -> Option<&Value> {
        let (last, tables) = path.split_last()?;
        let table = tables.iter().try_fold(&self.0, |table, level| {
            table.get(*level).and_then(Value::as_dict)
        })?;
        table.get(*last)
    }

    /// The same for a key, whose levels are parted by dots.
    fn find_key(&self, key: &str) -> Option<&Value> {
        self.find(&key.split('.').collect::<Vec<_>>())
    }

    /// Whether there is a setting of that key.
    pub(super) fn has_setting(&self, key: &str) -> bool {
        let default = self.find_key(key);
        default.is_some_and(|value| value.as_dict().is_none())
    }

    /// Whether there is a section of that name.
    pub(super) fn is_section(&self, key: &str) -> bool {
        self.find_key(key).and_then(Value::as_dict).is_some()
    }

    /// Whether there is a setting of that name, and it is text.
    pub(super) fn is_text(&self, key: &str) -> bool {
        self.find_key(key).and_then(Value::as_str).is_some()
    }

    /// The keys of a section, with its name.
    pub(super) fn keys_of(&self, section: &str) -> Vec<String> {
        let start = format!("{section}.");
        let mut keys = self.keys();
        keys.retain(|key| key.starts_with(&start));
        keys
    }

    /// All keys, with the levels parted by dots.
    pub(super) fn keys(&self) -> Vec<String> {
        settings_in(&self.0)
            .into_iter()
            .map(|(key, _)| key)
            .collect()
    }

    /// Reads a setting that was written as plain text, in the environment or on the command line. One
    /// pair of quotes around it goes, which Docker's env-files leave there.
    pub(super) fn read(&self, path: &[&str], text: &str) -> Value {
        let text = trimmed(path, text);
        match self.find(path) {
            None => parse(text),
            Some(shape) => fit(shape, unquoted(text)),
        }
    }

    /// Reads a setting that is the content of a file.
    pub(super) fn read_content(&self, path: &[&str], text: &str) -> Value {
        let text = trimmed(path, text);
        match self.find(path) {
            None => parse(text),
            Some(shape) => fit(shape, text),
        }
    }

    /// Gives the texts of a file the types that the defaults have: numbers in quotes, and lists that
    /// are written as one text.
    pub(super) fn fit_all(&self, table: Dict) -> Dict {
        fn fit_table(types: &Dict, table: Dict) -> Dict {
            let fitted = table.into_iter().map(|(key, value)| {
                let value = match (types.get(&key), value) {
                    (Some(Value::Dict(_, types)), Value::Dict(tag, table)) => {
                        Value::Dict(tag, fit_table(types, table))
                    }
                    (Some(Value::String(..)) | None, value) => value,
                    (Some(shape), Value::String(_, text)) => fit(shape, text.trim()),
                    (Some(_), value) => value,
                };
                (key, value)
            });
            fitted.collect()
        }
        fit_table(&self.0, table)
    }
}

/// The keys whose every character counts, and which are never shown.
pub(super) fn is_secret(path: &[&str]) -> bool {
    path == ["mail", "smtp", "password"] || path == ["telemetry", "headers"]
}

/// Without the line end, and without the blanks around it unless every character counts.
fn trimmed<'a>(path: &[&str], text: &'a str) -> &'a str {
    let text = text.trim_end_matches(['\r', '\n']);
    if is_secret(path) { text } else { text.trim() }
}

/// That text as a value of the shape's type; as text, if it is none.
fn fit(shape: &Value, text: &str) -> Value {
    match shape {
        Value::Bool(..) => match text.to_ascii_lowercase().as_str() {
            "true" => Value::from(true),
            "false" => Value::from(false),
            _ => Value::from(text),
        },
        Value::Num(..) => match parse(text) {
            number @ Value::Num(..) => number,
            _ => Value::from(text),
        },
        Value::Array(..) => list(text),
        Value::Dict(..) if text.starts_with('{') => parse(text),
        _ => Value::from(text),
    }
}

/// `["a", "b"]` as in TOML, or `a, b` as people write it elsewhere.
fn list(text: &str) -> Value {
    if text.starts_with('[')
        && let list @ Value::Array(..) = parse(text)
    {
        return list;
    }
    let items = text.split([',', ' ', '\t', '\n', '\r']);
    let items: Vec<Value> = items
        .map(unquoted)
        .filter(|item| !item.is_empty())
        .map(Value::from)
        .collect();
    Value::from(items)
}

/// Reads numbers, booleans, lists and tables, and takes anything else for text.
fn parse(text: &str) -> Value {
    text.parse()
        .unwrap_or_else(|never: std::convert::Infallible| match never {})
}

/// Without the pair of quotes that surrounds it; those of `"a", "b"` are two pairs.
fn unquoted(text: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| {
            let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
            (!inner.contains(quote)).then_some(inner)
        })
        .unwrap_or(text)
}

/// The settings of a table by their keys, whose levels are parted by dots.
pub(super) fn settings_in(table: &Dict) -> Vec<(String, &Value)> {
    let mut settings = Vec::new();
    for (key, value) in table {
        match value.as_dict() {
            None => settings.push((key.clone(), value)),
            Some(section) => settings.extend(
                settings_in(section)
                    .into_iter()
                    .map(|(inner, value)| (format!("{key}.{inner}"), value)),
            ),
        }
    }
    settings
}

/// Puts a value into a table, and the tables that lead to it.
pub(super) fn insert(table: &mut Dict, path: &[&str], value: Value) {
    match path {
        [] => {}
        [key] => {
            table.insert((*key).to_owned(), value);
        }
        [level, rest @ ..] => {
            let mut inner = match table.remove(*level) {
                Some(Value::Dict(_, inner)) => inner,
                _ => Dict::new(),
            };
            insert(&mut inner, rest, value);
            table.insert((*level).to_owned(), Value::from(inner));
        }
    }
}
