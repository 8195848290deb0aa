//! `usher config`: what is set, and whether the server could start with it.

use transports::Registry;
use usher::config::{Config, Layers};
use usher::server;

use super::output::print_line;

/// Prints each key with its value and the layer that it comes from.
pub fn show(layers: &Layers) -> Result<(), String> {
    let settings = layers.shown().map_err(|error| error.to_string())?;
    let lines: Vec<(String, String)> = settings
        .into_iter()
        .map(|setting| {
            (
                format!("{} = {}", setting.key, setting.value),
                setting.layer,
            )
        })
        .collect();
    let width = lines.iter().map(|(line, _)| line.chars().count());
    let width = width.filter(|width| *width <= 60).max().unwrap_or_default();
    for (line, layer) in lines {
        print_line(&format!("{line:width$}  # {layer}"))?;
    }
    Ok(())
}

/// Says whether the server could start with it.
pub fn check(layers: &Layers) -> Result<(), String> {
    startable(layers)?;
    print_line("The configuration is valid.")
}

/// The settings, when a server can start with them; otherwise all that is wrong with them.
pub fn startable(layers: &Layers) -> Result<Config, String> {
    let settings = layers.read().map_err(|error| error.to_string())?;
    server::check(&settings, &Registry::builtin()).map_err(|problems| problems.join("\n"))?;
    Ok(settings)
}
