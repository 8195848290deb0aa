//! Reads the configuration's layers and lays them over each other: defaults, file, environment,
//! command line. What the values mean is not decided here.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use super::default_types::{DefaultTypes, insert};
use super::{Config, secrets};

mod environment;
mod errors;
mod suggestions;
mod text_file;

pub use environment::CONFIG_FILE;
use environment::Environment;
pub(super) use errors::layer_name;

/// The annotated defaults, which are also the documentation of every key.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// The file that is read where none is named, if it is there.
const DEFAULT_FILE: &str = "usher.toml";

const ENVIRONMENT: &str = "environment";
const ENVIRONMENT_FILE: &str = "environment, in a file";
const COMMAND_LINE: &str = "command line";

/// What figment calls the one layer that is read from a text in the binary.
const DEFAULT_LAYER: &str = "TOML source string";

/// The key from which the public URL follows.
const BIND: &str = "server.bind";

/// Where the layers above the defaults come from.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// A configuration file that must exist; without one, `usher.toml` is read if it is there.
    pub file: Option<PathBuf>,
    /// The environment's variables; those whose names begin with `USHER_` may be settings.
    pub environment: Vec<(OsString, OsString)>,
    /// `key=value` pairs of the command line, the key's levels parted by dots.
    pub command_line: Vec<String>,
}

/// Why the configuration could not be read: a sentence that names the key and the layer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(String);

impl LoadError {
    pub(super) fn new(problem: String) -> Self {
        Self(problem)
    }
}

impl Layers {
    /// Reads all layers, and checks what they come to.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read), and all of [`Config::problems`], one a line.
    pub fn load(&self) -> Result<Config, LoadError> {
        let config = self.read()?;
        match config.problems() {
            problems if problems.is_empty() => Ok(config),
            problems => Err(LoadError(problems.join("\n"))),
        }
    }

    /// Reads all layers, whether or not the values make sense together: for those who tell what is
    /// wrong with them along with whatever else is.
    ///
    /// # Errors
    ///
    /// A layer that cannot be read, an unknown key, or a value of the wrong type.
    pub fn read(&self) -> Result<Config, LoadError> {
        let stack = self.stack()?;
        let config: Config = stack
            .figment
            .extract()
            .map_err(|error| LoadError(errors::explain(&error, &stack.figment, &stack.types)))?;
        check_mail_keys(&config, &stack)?;
        Ok(config)
    }

    /// What whoever wrote the layers should know, each in a sentence: what in them is unsafe, or was
    /// passed over.
    ///
    /// # Errors
    ///
    /// A layer that cannot be read.
    pub fn warnings(&self) -> Result<Vec<String>, LoadError> {
        let Stack {
            types,
            file,
            mut warnings,
            ..
        } = self.stack()?;
        if let Some((path, table)) = file
            && everybody_can_read(&path)
            && secrets::any_in(&table, &types)
        {
            let path = path.display();
            warnings.push(format!("{path}: everybody on this machine can read it, and it holds a password; chmod o-r {path}, or keep the password in a file of its own"));
        }
        Ok(warnings)
    }

    /// All layers, the strongest on top.
    pub(super) fn stack(&self) -> Result<Stack, LoadError> {
        let defaults = Toml::string(DEFAULTS);
        let types = DefaultTypes::of(table_of(&defaults, "built-in defaults")?);
        let mut figment = Figment::from(defaults);
        let file = self.file()?;
        if let Some((path, table)) = &file {
            figment = figment.merge(Layer {
                metadata: Metadata::from("configuration file", path.as_path()),
                values: types.fit_all(table.clone()),
            });
        }
        let Environment {
            values,
            from_files,
            warnings,
        } = environment::read(&self.environment, &types)?;
        let figment = figment
            .merge(values)
            .merge(from_files)
            .merge(self.command_line_layer(&types)?);
        let figment = match own_address(&figment) {
            None => figment,
            Some(url) => {
                let mut layer = Layer::new(BIND);
                layer.insert(&["server", "public_url"], Value::from(url));
                figment.merge(layer)
            }
        };
        Ok(Stack {
            figment,
            types,
            file,
            warnings,
        })
    }

    /// The configuration file and what it says, if there is one.
    fn file(&self) -> Result<Option<(PathBuf, Dict)>, LoadError> {
        let (path, is_named) = match &self.file {
            Some(path) => (path.as_path(), true),
            None => (Path::new(DEFAULT_FILE), false),
        };
        match text_file::read(path) {
            Ok(text) => {
                let name = path.display().to_string();
                let table = table_of(&Toml::string(&text), &name)?;
                Ok(Some((path.to_owned(), table)))
            }
            Err(text_file::Trouble::Missing(_)) if !is_named => Ok(None),
            Err(trouble) => {
                let words = trouble.into_words();
                Err(LoadError(format!("configuration file {words}")))
            }
        }
    }

    fn command_line_layer(&self, types: &DefaultTypes) -> Result<Layer, LoadError> {
        let mut layer = Layer::new(COMMAND_LINE);
        for pair in &self.command_line {
            let key_and_text = pair.split_once('=').filter(|(key, _)| is_key(key.trim()));
            // What is no key may be a secret, and is not repeated.
            let Some((key, text)) = key_and_text else {
                return Err(LoadError(
                    "command line: --set expects KEY=VALUE, such as --set mail.transport=file"
                        .to_owned(),
                ));
            };
            let path: Vec<&str> = key.trim().split('.').collect();
            layer.insert(&path, types.read(&path, text));
        }
        Ok(layer)
    }
}

/// All layers, laid over each other.
pub(super) struct Stack {
    pub(super) figment: Figment,
    /// Which settings there are.
    pub(super) types: DefaultTypes,
    /// The configuration file, and what it says.
    file: Option<(PathBuf, Dict)>,
    /// What the environment's author should know.
    warnings: Vec<String>,
}

/// Letters, digits and underscores, in levels that are parted by dots.
fn is_key(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    text.split('.').all(is_name)
}

#[cfg(unix)]
fn everybody_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

/// Elsewhere, a file has the permissions of its folder.
#[cfg(not(unix))]
fn everybody_can_read(_: &Path) -> bool {
    false
}

/// What the public URL is if nobody has set it, and the server listens at another port of this machine
/// than by default: links would lead to whatever else is there.
fn own_address(figment: &Figment) -> Option<String> {
    let is_default = |key| {
        let layer = figment.find_metadata(key);
        layer.is_some_and(|layer| layer.name == DEFAULT_LAYER)
    };
    if !is_default("server.public_url") || is_default(BIND) {
        return None;
    }
    let bind = figment.find_value(BIND).ok()?;
    let bind: SocketAddr = bind.as_str()?.parse().ok()?;
    let is_known = bind.ip().is_loopback() && bind.port() != 0;
    is_known.then(|| format!("http://{bind}"))
}

/// A layer that was put together here.
struct Layer {
    metadata: Metadata,
    values: Dict,
}

impl Layer {
    fn new(name: &'static str) -> Self {
        Self {
            metadata: Metadata::named(name),
            values: Dict::new(),
        }
    }

    fn insert(&mut self, path: &[&str], value: Value) {
        insert(&mut self.values, path, value);
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// What a TOML text says.
fn table_of(provider: &impl Provider, name: &str) -> Result<Dict, LoadError> {
    let mut profiles = provider.data().map_err(|error| {
        // TOML's own message repeats the line, which may hold a secret, under which it draws another.
        let message = error.to_string();
        let words: Vec<&str> = message.lines().filter(|line| !line.contains('|')).collect();
        LoadError(format!("{name}: {}", words.join(": ")))
    })?;
    Ok(profiles.remove(&Profile::Default).unwrap_or_default())
}

/// `[mail]` takes a section for each transport, built in or not, so what is no section is a
/// mistyped key.
fn check_mail_keys(config: &Config, stack: &Stack) -> Result<(), LoadError> {
    let sections = &config.mail.transports;
    for (section, values) in sections.iter() {
        // The transports would repeat the value, which may be a password without quotes.
        for (name, value) in values.as_object().into_iter().flatten() {
            let key = format!("mail.{section}.{name}");
            if stack.types.is_text(&key) && !value.is_string() {
                let layer = stack.figment.find_metadata(&key);
                let place = errors::place(layer, &key);
                return Err(LoadError(format!(
                    "{place}: the value is not text (in quotes)"
                )));
            }
        }
    }
    let Some((key, _)) = sections.iter().find(|(_, section)| !section.is_object()) else {
        return Ok(());
    };
    let key = format!("mail.{key}");
    let layer = stack.figment.find_metadata(&key);
    let place = errors::place(layer, &key);
    Err(LoadError(if stack.types.is_section(&key) {
        format!(
            "{place}: is a section; its keys are {}",
            stack.types.keys_of(&key).join(", ")
        )
    } else {
        format!(
            "{place}: {}",
            errors::unknown(&key, &MAIL_KEYS, &stack.types, layer)
        )
    }))
}

/// The keys of `[mail]` beside the transports' sections.
const MAIL_KEYS: [&str; 6] = [
    "transport",
    "from",
    "redirect_all_to",
    "log_in_production",
    "templates",
    "queue",
];
