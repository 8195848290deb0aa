//! What the layers come to, key by key, for people to look at.

use figment::value::{Dict, Value};
use figment::{Figment, Profile, Provider};

use super::layers::{Layers, LoadError, layer_name};

/// One key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Such as `mail.smtp.host`.
    pub key: String,
    /// As TOML writes it; a secret is masked.
    pub value: String,
    /// Where it was set.
    pub layer: String,
}

/// What stands for a secret.
const MASK: &str = "****";

impl Layers {
    /// Every key that is set, in the order of the alphabet, whether or not its value makes sense.
    ///
    /// # Errors
    ///
    /// A layer that cannot be read.
    pub fn shown(&self) -> Result<Vec<Shown>, LoadError> {
        let figment = self.figment()?;
        let values = figment
            .data()
            .map_err(|error| LoadError::new(error.to_string()))?;
        let mut shown = Vec::new();
        for profile in [Profile::Default, Profile::Global] {
            if let Some(table) = values.get(&profile) {
                walk(&figment, "", table, &mut shown);
            }
        }
        Ok(shown)
    }
}

fn walk(figment: &Figment, path: &str, table: &Dict, shown: &mut Vec<Shown>) {
    for (key, value) in table {
        let path = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        match value.as_dict() {
            Some(table) => walk(figment, &path, table, shown),
            None => shown.push(Shown {
                value: text_of(key, value),
                layer: layer_name(figment.get_metadata(value.tag()), &path),
                key: path,
            }),
        }
    }
}

fn text_of(key: &str, value: &Value) -> String {
    let text = match value.as_str() {
        Some(text) => masked(key, text),
        // Lists, numbers and booleans look alike in TOML and JSON.
        None => return serde_json::to_string(value).unwrap_or_default(),
    };
    format!("{text:?}")
}

/// A setting as it may be shown.
fn masked(key: &str, text: &str) -> String {
    let is_secret = ["password", "secret", "token"]
        .iter()
        .any(|word| key.ends_with(word));
    match is_secret && !text.is_empty() {
        true => MASK.to_owned(),
        false => without_password(text),
    }
}

/// Whether any of these settings is one that is not shown.
pub(super) fn holds_secret(table: &Dict) -> bool {
    table
        .iter()
        .any(|(key, value)| match (value.as_dict(), value.as_str()) {
            (Some(table), _) => holds_secret(table),
            (None, Some(text)) => masked(key, text) != text,
            (None, None) => false,
        })
}

/// The address as it may be shown.
pub fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            // Refused only for addresses that cannot hold a password, and this one does.
            let _ = parsed.set_password(Some("****"));
            parsed.to_string()
        }
        _ => url.to_owned(),
    }
}
