//! Settings in the environment: whatever they hold, they are read or refused, and what is said of
//! them never shows a secret.
//!
//! Each line of the input is a variable; `{secret}` in it stands for a password.

#![no_main]

use libfuzzer_sys::fuzz_target;
use usher::config::Layers;

const SECRET: &str = "walrus-teapot";

fuzz_target!(|input: &str| {
    let input = input.replace("{secret}", SECRET);
    let environment = input
        .lines()
        .filter_map(|line| line.split_once('='))
        // Another key than a secret's may be quoted where it is wrong.
        .filter(|(name, value)| !value.contains(SECRET) || is_of_a_secret(name))
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let layers = Layers {
        file: None,
        environment,
        command_line: Vec::new(),
    };
    if let Err(error) = layers.load() {
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
});

fn is_of_a_secret(name: &str) -> bool {
    ["USHER_DATABASE__URL", "USHER_MAIL__SMTP__PASSWORD"].contains(&name)
}
