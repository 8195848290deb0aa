//! The environment's variables: which of them are settings, and which belong to somebody else.
//!
//! The prefix alone does not tell. Kubernetes gives every container variables for each Service, so
//! that a Service called `usher` adds `USHER_PORT` and `USHER_SERVICE_HOST`; Docker's links do alike.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::suggestions::{key_meant, nearest};
use super::{ENVIRONMENT, ENVIRONMENT_FILE, Layer, LoadError, text_file};
use crate::config::default_types::{DefaultTypes, is_secret};

const PREFIX: &str = "USHER_";

/// The variable that names the configuration file, which is no setting.
pub const CONFIG_FILE: &str = "USHER_CONFIG";

/// What the environment sets.
pub(super) struct Environment {
    pub(super) values: Layer,
    /// The values that were read from files which the environment names.
    pub(super) from_files: Layer,
    /// What its author should know.
    pub(super) warnings: Vec<String>,
}

/// A key, and the variable that sets it.
struct Setting {
    path: Vec<String>,
    /// Whether the variable names a file that holds the value.
    in_file: bool,
}

/// What a variable is.
enum Meaning {
    Setting(Setting),
    /// It belongs to somebody else.
    Foreign,
    /// It is meant for Usher, and no setting: the one that may have been meant.
    Mistake(String),
}

/// Reads the variables; their order does not matter.
pub(super) fn read(
    variables: &[(OsString, OsString)],
    types: &DefaultTypes,
) -> Result<Environment, LoadError> {
    let mut environment = Environment {
        values: Layer::new(ENVIRONMENT),
        from_files: Layer::new(ENVIRONMENT_FILE),
        warnings: Vec::new(),
    };
    let mut foreign = Vec::new();
    let mut mistakes = Vec::new();
    let mut set_by: BTreeMap<Vec<String>, String> = BTreeMap::new();
    let names: BTreeMap<String, &OsStr> = variables
        .iter()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.as_os_str()))
        .collect();
    for (variable, value) in names {
        let Some(name) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        if variable == CONFIG_FILE {
            continue;
        }
        let setting = match meaning(name, value, types) {
            Meaning::Setting(setting) => setting,
            Meaning::Foreign => {
                foreign.push(variable);
                continue;
            }
            Meaning::Mistake(problem) => {
                mistakes.push(format!("environment variable {variable}: {problem}"));
                continue;
            }
        };
        // What compose makes of `${UNSET:-}` is not meant to override anything.
        if value.is_empty() {
            continue;
        }
        if let Some(other) = set_by.insert(setting.path.clone(), variable.clone()) {
            mistakes.push(format!(
                "environment variables {other} and {variable} set the same key; remove one of them"
            ));
            continue;
        }
        if let Err(problem) = environment.take(&setting, value, types, &variable) {
            mistakes.push(format!("environment variable {variable}: {problem}"));
        }
    }
    if !mistakes.is_empty() {
        return Err(LoadError::new(mistakes.join("\n")));
    }
    if !foreign.is_empty() {
        environment.warnings.push(format!(
            "environment: {} passed over, being no settings (two underscores part the levels of a key, as in USHER_SERVER__BIND). Kubernetes adds such variables for a Service called usher, unless the pod has enableServiceLinks: false",
            foreign.join(", ")
        ));
    }
    Ok(environment)
}

impl Environment {
    fn take(
        &mut self,
        setting: &Setting,
        value: &OsStr,
        types: &DefaultTypes,
        variable: &str,
    ) -> Result<(), String> {
        let path: Vec<&str> = setting.path.iter().map(String::as_str).collect();
        if !setting.in_file {
            let text = value.to_str().ok_or("is not UTF-8")?;
            if !text.trim().is_empty() {
                self.values.insert(&path, types.read(&path, text));
            }
            return Ok(());
        }
        let file = Path::new(value);
        let text = text_file::read(file).map_err(text_file::Trouble::into_words)?;
        let text = text.trim_end_matches(['\r', '\n']);
        let shown = file.display();
        if text.is_empty() {
            return Err(format!("{shown}: the file is empty"));
        }
        if is_secret(&path) && text.ends_with([' ', '\t']) {
            self.warnings.push(format!(
                "environment variable {variable}: {shown} ends with a blank, which is taken for a part of the secret"
            ));
        }
        self.from_files
            .insert(&path, types.read_content(&path, text));
        Ok(())
    }
}

/// What a variable is, by its name behind the prefix.
fn meaning(name: &str, value: &OsStr, types: &DefaultTypes) -> Meaning {
    let name = name.to_lowercase();
    let path: Vec<&str> = name.split("__").collect();
    let setting = |path: &[&str], in_file| {
        Meaning::Setting(Setting {
            path: path.iter().map(|level| (*level).to_owned()).collect(),
            in_file,
        })
    };
    let target: Option<Vec<&str>> = name.strip_suffix("_file").map(|t| t.split("__").collect());
    match (types.find(&path), target) {
        (Some(shape), _) if shape.as_dict().is_some() && !is_table(value) => {
            let keys = types.keys_of(&path.join("."));
            let keys: Vec<String> = keys.iter().map(|key| variable(key)).collect();
            return Meaning::Mistake(format!("is a section; set one of {}", keys.join(", ")));
        }
        (Some(_), _) => return setting(&path, false),
        // A key that itself ends in "_file" is not a reference to one.
        (None, Some(target)) if types.find(&target).is_some() => return setting(&target, true),
        // The sections of further transports have keys that are not known here.
        (None, Some(target)) if path.len() > 2 && path[0] == "mail" => {
            return setting(&target, true);
        }
        (None, _) if path.len() > 2 && path[0] == "mail" => return setting(&path, false),
        (None, _) => {}
    }
    if is_service_link(&name, value) {
        return Meaning::Foreign;
    }
    match meant(&name, types) {
        Some(key) => Meaning::Mistake(format!("unknown key; did you mean {}?", variable(&key))),
        None if path.len() > 1 => Meaning::Mistake("unknown key".to_owned()),
        None => Meaning::Foreign,
    }
}

/// The key that was meant by a variable's name, if one was mistyped or has one underscore for two.
fn meant(name: &str, types: &DefaultTypes) -> Option<String> {
    let keys = types.keys();
    if name.contains("__") {
        let name = name.strip_suffix("_file").unwrap_or(name);
        return key_meant(&name.replace("__", "."), &keys);
    }
    let joined = |key: &String| key.replace('.', "_");
    let all: Vec<String> = keys.iter().map(joined).collect();
    let meant = [Some(name), name.strip_suffix("_file")]
        .into_iter()
        .flatten()
        .find_map(|name| nearest(name, all.iter().map(String::as_str)))
        // The one name that people shorten.
        .or((name == "env").then_some("environment"))?;
    keys.iter().find(|key| joined(key) == meant).cloned()
}

/// Whether Kubernetes or Docker has set it, for a service that is called like Usher or begins so.
fn is_service_link(name: &str, value: &OsStr) -> bool {
    let value = value.to_string_lossy();
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let parts: Vec<&str> = name.split('_').collect();
    let has = |words: &[&str]| parts.windows(words.len()).any(|part| part == words);
    let is_of_port = parts.windows(3).any(|part| {
        part[0] == "port"
            && part[1].bytes().all(|byte| byte.is_ascii_digit())
            && ["tcp", "udp", "sctp"].contains(&part[2])
    });
    is_address
        || has(&["service", "host"])
        || has(&["service", "port"])
        || is_of_port
        || parts.first() == Some(&"env") && parts.len() > 1
        || parts.last() == Some(&"name") && value.starts_with('/')
}

fn is_table(value: &OsStr) -> bool {
    value.to_string_lossy().trim_start().starts_with('{')
}

/// The variable that sets a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}
