//! `usher config`: what is set, and whether the server could start with it.

use transports::Registry;
use usher::app::App;
use usher::config::{Config, Layers};
use usher::http::{AllowedOrigins, TrustedProxies};

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
        println!("{line:width$}  # {layer}");
    }
    Ok(())
}

/// Says that nothing is wrong with it; what is wrong was said when it was read, or is said here.
pub fn check(settings: &Config) -> Result<(), String> {
    let problems = problems(settings);
    match problems.is_empty() {
        true => {
            println!("The configuration is valid.");
            Ok(())
        }
        false => Err(problems.join("\n")),
    }
}

/// Whatever would keep the server from starting, short of opening anything.
pub fn problems(settings: &Config) -> Vec<String> {
    let transport = Registry::builtin()
        .build(&settings.mail.transport, &settings.mail.transports)
        .map(drop)
        .map_err(|error| vec![error.to_string()]);
    [
        transport,
        App::check(settings),
        TrustedProxies::new(&settings.server.trusted_proxies)
            .map(drop)
            .map_err(|problem| vec![problem]),
        AllowedOrigins::new(&settings.server)
            .map(drop)
            .map_err(|problem| vec![problem]),
    ]
    .into_iter()
    .filter_map(Result::err)
    .flatten()
    .collect()
}
