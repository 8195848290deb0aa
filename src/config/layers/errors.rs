//! Says in one sentence what is wrong, with which key, in which layer. A value is repeated only where
//! it can be no secret.

use figment::error::Kind;
use figment::value::Value;
use figment::{Error, Figment, Metadata, Source};

use super::environment::variable;
use super::suggestions::{key_meant, nearest};
use super::{DEFAULT_LAYER, ENVIRONMENT, ENVIRONMENT_FILE};
use crate::config::default_types::DefaultTypes;
use crate::config::secrets;

/// The sentence for what figment found.
pub(super) fn explain(error: &Error, figment: &Figment, types: &DefaultTypes) -> String {
    let layer = error.metadata.as_ref();
    let at = |key: &str| {
        let layer = figment.find_metadata(key).or(layer);
        place(layer, key)
    };
    let key = error.path.join(".");
    let of = |field: &str| match error.path.last() {
        Some(last) if last == field => key.clone(),
        None => field.to_owned(),
        Some(_) => format!("{key}.{field}"),
    };
    match &error.kind {
        Kind::UnknownField(field, known) => {
            let key = of(field);
            let layer = figment.find_metadata(&key).or(layer);
            format!("{}: {}", at(&key), unknown(&key, known, types, layer))
        }
        Kind::MissingField(field) => format!("{}: missing", at(&of(field))),
        _ if types.is_section(&key) => {
            let keys = types.keys_of(&key);
            format!(
                "{}: is a section; its keys are {}",
                at(&key),
                keys.join(", ")
            )
        }
        kind if key.is_empty() => format!("{}{kind}", prefix(layer)),
        kind => {
            let value = figment.find_value(&key).ok();
            let value = value.and_then(|value| repeatable(&key, &value, types));
            let problem = match (kind, value) {
                (Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected), value) => {
                    let value = value.unwrap_or_else(|| "the value".to_owned());
                    format!("{value} is not {}", in_words(expected))
                }
                (Kind::UnknownVariant(_, known), Some(value)) => {
                    let meant = nearest(value.trim_matches('"'), known.iter().copied());
                    let meant = meant.map(|meant| format!("; did you mean {meant}?"));
                    let known = known.join(", ");
                    format!("{value} is not one of {known}{}", meant.unwrap_or_default())
                }
                (Kind::Message(problem), _) => problem.clone(),
                _ => "cannot be used".to_owned(),
            };
            format!("{}: {problem}", at(&key))
        }
    }
}

/// What to say of a key that there is not.
pub(super) fn unknown(
    key: &str,
    siblings: &[&str],
    types: &DefaultTypes,
    layer: Option<&Metadata>,
) -> String {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let beside = nearest(name, siblings.iter().copied()).map(|name| match section {
        "" => name.to_owned(),
        section => format!("{section}.{name}"),
    });
    match beside.or_else(|| key_meant(key, &types.keys())) {
        Some(meant) => format!("unknown key; did you mean {}?", named(layer, &meant)),
        None => format!("unknown key; expected one of {}", siblings.join(", ")),
    }
}

/// The value as it may stand in a message; none where it could be a secret.
fn repeatable(key: &str, value: &Value, types: &DefaultTypes) -> Option<String> {
    let shown = secrets::shown(key, value, types);
    (!shown.contains(secrets::MASK)).then_some(shown)
}

/// What serde expects, in words for those who have not written this program.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65,535",
        "u32" | "u64" | "usize" => "a whole number from 0 to 4,294,967,295",
        "a boolean" => "true or false",
        "a string" => "text (in quotes)",
        "a duration" => "a duration such as 30s, 5m, 12h or 7d",
        "a sequence" => "a list such as [\"a\", \"b\"]",
        other => other,
    }
}

/// The layer and the key in it, as somebody who has to find it would name them.
pub(super) fn place(layer: Option<&Metadata>, key: &str) -> String {
    match layer {
        Some(layer) if is_environment(layer) => {
            format!("environment variable {}", named(Some(layer), key))
        }
        layer => format!("{}{key}", prefix(layer)),
    }
}

/// The key as it is called in that layer.
fn named(layer: Option<&Metadata>, key: &str) -> String {
    match layer {
        Some(layer) if layer.name == ENVIRONMENT_FILE => format!("{}_FILE", variable(key)),
        Some(layer) if layer.name == ENVIRONMENT => variable(key),
        _ => key.to_owned(),
    }
}

fn is_environment(layer: &Metadata) -> bool {
    layer.name == ENVIRONMENT || layer.name == ENVIRONMENT_FILE
}

/// The layer's name, for those who look where a value comes from.
pub(crate) fn layer_name(layer: Option<&Metadata>, key: &str) -> String {
    match layer {
        Some(layer) if is_environment(layer) => {
            format!("environment: {}", named(Some(layer), key))
        }
        Some(layer) => match &layer.source {
            Some(Source::File(path)) => path.display().to_string(),
            // The defaults are the one layer that is read from a text in the binary.
            _ if layer.name == DEFAULT_LAYER => "default".to_owned(),
            _ => layer.name.to_string(),
        },
        None => "default".to_owned(),
    }
}

fn prefix(layer: Option<&Metadata>) -> String {
    match layer {
        None => String::new(),
        Some(layer) => match &layer.source {
            Some(Source::File(path)) => format!("{}: ", path.display()),
            Some(Source::Code(_)) => "built-in defaults: ".to_owned(),
            _ => format!("{}: ", layer.name),
        },
    }
}
