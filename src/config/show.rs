//! What the layers come to, key by key, for people to look at.

use figment::{Profile, Provider};

use super::default_types::settings_in;
use super::layers::{Layers, LoadError, layer_name};
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
        let profiles = [Profile::Default, Profile::Global];
        let tables = profiles.iter().filter_map(|profile| values.get(profile));
        let shown = tables.flat_map(settings_in).map(|(key, value)| Shown {
            value: secrets::shown(&key, value, &stack.types),
            layer: layer_name(stack.figment.get_metadata(value.tag()), &key),
            key,
        });
        Ok(shown.collect())
    }
}
