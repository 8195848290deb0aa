//! What happens on SIGHUP: the settings are read again, and what can change while the server runs does.

use std::collections::BTreeMap;

use transports::Registry;
use usher::config::{Config, Layers};
use usher::log;
use usher::server::Server;

use super::config;

/// Where the settings come from, and what they said when the server started.
pub struct Source {
    layers: Layers,
    shown: BTreeMap<String, String>,
}

impl Source {
    /// What these layers say now.
    ///
    /// # Errors
    ///
    /// A layer that cannot be read.
    pub fn of(layers: &Layers) -> Result<Self, String> {
        Ok(Self {
            layers: layers.clone(),
            shown: shown(layers)?,
        })
    }

    /// Reads the settings again, and has the server go by them as far as it can. Where they cannot be used,
    /// those in force stay.
    pub fn reload(&self, server: &Server) {
        match self.try_reload(server) {
            Ok(waiting) if waiting.is_empty() => {
                tracing::info!("the settings were read again, and are in force");
            }
            Ok(waiting) => tracing::warn!(
                keys = waiting.join(", "),
                "the settings were read again; these keys need a restart, the others are in force"
            ),
            Err(problems) => {
                for problem in problems.lines() {
                    tracing::error!("the settings stay as they were: {problem}");
                }
            }
        }
    }

    /// Returns the keys that have changed and need a new start.
    fn try_reload(&self, server: &Server) -> Result<Vec<String>, String> {
        let fresh = config::startable(&self.layers)?;
        let shown = shown(&self.layers)?;
        server.reload(&fresh, &Registry::builtin())?;
        log::set_filter(&fresh.log.filter)?;
        let all = self.shown.keys().chain(shown.keys());
        let mut changed: Vec<String> = all
            .filter(|key| self.shown.get(*key) != shown.get(*key))
            .filter(|key| !takes_effect(key, &fresh))
            .cloned()
            .collect();
        changed.sort();
        changed.dedup();
        Ok(changed)
    }
}

/// Whether a change of that key is in force once the settings were read again.
fn takes_effect(key: &str, settings: &Config) -> bool {
    let mut transports = settings.mail.transports.keys();
    key == "log.filter" || transports.any(|name| key.starts_with(&format!("mail.{name}.")))
}

/// Each key with its value. What is secret about it is masked, and so is no change.
fn shown(layers: &Layers) -> Result<BTreeMap<String, String>, String> {
    let shown = layers.shown().map_err(|error| error.to_string())?;
    Ok(shown
        .into_iter()
        .map(|shown| (shown.key, shown.value))
        .collect())
}
