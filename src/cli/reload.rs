//! What happens on SIGHUP: the settings are read again, and what can change while the server runs does.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::oneshot;
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

    /// Reads the settings again, on a thread that nobody waits for when the process ends.
    pub fn read(&self) -> Reading {
        let layers = self.layers.clone();
        let (told, reading) = oneshot::channel();
        std::thread::spawn(move || {
            // Whoever wanted to know may have been told to stop meanwhile.
            let _ = told.send(Fresh::of(&layers));
        });
        reading
    }

    /// Has the server go by fresh settings as far as it can. Where they cannot be used, those in force stay.
    pub fn put_in_force(&self, server: &Server, fresh: Result<Fresh, String>) {
        match fresh.and_then(|fresh| self.try_to_put_in_force(server, &fresh)) {
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
    fn try_to_put_in_force(&self, server: &Server, fresh: &Fresh) -> Result<Vec<String>, String> {
        server.reload(&fresh.settings, &Registry::builtin())?;
        log::set_filter(&fresh.settings.log.filter)?;
        let all: BTreeSet<&String> = self.shown.keys().chain(fresh.shown.keys()).collect();
        let changed = all
            .into_iter()
            .filter(|key| self.shown.get(*key) != fresh.shown.get(*key))
            .filter(|key| !takes_effect(key, &fresh.settings));
        Ok(changed.cloned().collect())
    }
}

/// Settings that are being read.
pub type Reading = oneshot::Receiver<Result<Fresh, String>>;

/// The settings, as they are now.
pub struct Fresh {
    settings: Config,
    shown: BTreeMap<String, String>,
}

impl Fresh {
    fn of(layers: &Layers) -> Result<Self, String> {
        Ok(Self {
            settings: config::startable(layers)?,
            shown: shown(layers)?,
        })
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
