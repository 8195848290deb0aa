//! `usher config`: what is set, and whether the server could start with it.

use transports::Registry;
use usher::config::{Config, Layers};
use usher::http::AllowedOrigins;
use usher::{log, server};

use super::output::{eprint_line, print_line};

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

/// Says whether the server could start with it, and what is better known before it does.
pub fn check(layers: &Layers) -> Result<(), String> {
    let settings = startable(layers)?;
    for warning in warnings(layers, &settings)? {
        eprint_line(&format!("usher: warning: {warning}"));
    }
    print_line("The configuration is valid.")
}

/// What is unsafe about the settings, or about the places that they come from, but not refused.
pub fn warnings(layers: &Layers, settings: &Config) -> Result<Vec<String>, String> {
    let mut warnings = layers.warnings().map_err(|error| error.to_string())?;
    warnings.extend(settings.warnings());
    warnings.extend(AllowedOrigins::warnings(&settings.server));
    Ok(warnings)
}

/// Starts the server's log, which begins with these warnings.
pub fn start_log(layers: &Layers, settings: &Config) -> Result<(), String> {
    log::start(&settings.log, Some(&settings.telemetry))?;
    for warning in warnings(layers, settings)? {
        tracing::warn!("{warning}");
    }
    Ok(())
}

/// The settings of a server that starts with them, and has begun its log. Otherwise the log, where it is JSON, is
/// where all that is wrong with them is said.
pub fn start(layers: &Layers) -> Result<Config, String> {
    let settings = layers.read().map_err(|error| error.to_string())?;
    server::check(&settings, &Registry::builtin()).map_err(|problems| {
        log::start_to_refuse(&settings.log);
        problems.join("\n")
    })?;
    start_log(layers, &settings)?;
    Ok(settings)
}

/// The settings, when a server can start with them; otherwise all that is wrong with them.
pub fn startable(layers: &Layers) -> Result<Config, String> {
    let settings = layers.read().map_err(|error| error.to_string())?;
    server::check(&settings, &Registry::builtin()).map_err(|problems| problems.join("\n"))?;
    Ok(settings)
}
