//! What the layers come to, key by key, for people to look at.

use figment::value::Dict;
use figment::{Figment, Profile, Provider};

use super::layers::{DefaultTypes, Layers, LoadError, layer_name};
use super::secrets;

/// One key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Such as `mail.smtp.host`.
    pub key: String,
    /// As TOML writes it; what is secret about it is masked.
    pub value: String,
    /// Where it was set.
    pub layer: String,
}

impl Layers {
    /// Every key that is set, in the order of the alphabet, whether or not its value makes sense.
    ///
    /// # Errors
    ///
    /// A layer that cannot be read.
    pub fn shown(&self) -> Result<Vec<Shown>, LoadError> {
        let stack = self.stack()?;
        let values = stack
            .figment
            .data()
            .map_err(|error| LoadError::new(error.to_string()))?;
        let mut shown = Vec::new();
        for profile in [Profile::Default, Profile::Global] {
            if let Some(table) = values.get(&profile) {
                walk(&stack.figment, &stack.types, "", table, &mut shown);
            }
        }
        Ok(shown)
    }
}

fn walk(figment: &Figment, types: &DefaultTypes, path: &str, table: &Dict, shown: &mut Vec<Shown>) {
    for (key, value) in table {
        let path = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        match value.as_dict() {
            Some(table) => walk(figment, types, &path, table, shown),
            None => shown.push(Shown {
                value: secrets::shown(&path, value, types),
                layer: layer_name(figment.get_metadata(value.tag()), &path),
                key: path,
            }),
        }
    }
}
