//! Reads the configuration's layers and lays them over each other: defaults, file, environment,
//! command line. What the values mean is not decided here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider, Source};

use super::Config;
use super::show::holds_secret;

/// The annotated defaults, which are also the documentation of every key.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// The file that is read where none is named, if it is there.
const DEFAULT_FILE: &str = "usher.toml";

const ENVIRONMENT: &str = "environment";
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
    /// The environment's variables; those whose names begin with `USHER_` count.
    pub environment: Vec<(String, String)>,
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
        let figment = self.figment()?;
        let config: Config = figment
            .extract()
            .map_err(|error| LoadError(explain(&error, &figment)))?;
        refuse_stray_mail_keys(&config, &figment)?;
        Ok(config)
    }

    /// What is unsafe about the places that the settings come from, each in a sentence.
    ///
    /// # Errors
    ///
    /// A layer that cannot be read.
    pub fn warnings(&self) -> Result<Vec<String>, LoadError> {
        Ok(self.open_file()?.into_iter().collect())
    }

    /// A configuration file that holds a secret, and that everybody on this machine can read.
    fn open_file(&self) -> Result<Option<String>, LoadError> {
        let Some(path) = self.file_to_read()?.filter(|path| everybody_can_read(path)) else {
            return Ok(None);
        };
        let tables = Toml::file_exact(path).data().unwrap_or_default();
        Ok(tables.values().any(holds_secret).then(|| {
            let path = path.display();
            format!("{path}: everybody on this machine can read it, and it holds a password; chmod o-r {path}, or keep the password in a file of its own")
        }))
    }

    pub(super) fn figment(&self) -> Result<Figment, LoadError> {
        let defaults = Toml::string(DEFAULTS);
        let shapes = Shapes(defaults_of(&defaults)?);
        let mut figment = Figment::from(defaults);
        if let Some(file) = self.file_to_read()? {
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment
            .merge(self.environment_layer(&shapes)?)
            .merge(self.command_line_layer(&shapes)?);
        Ok(match own_address(&figment) {
            None => figment,
            Some(url) => {
                let mut layer = Layer::new(BIND);
                layer.insert(&["server", "public_url"], Value::from(url));
                figment.merge(layer)
            }
        })
    }

    fn file_to_read(&self) -> Result<Option<&Path>, LoadError> {
        let (path, is_named) = match &self.file {
            Some(path) => (path.as_path(), true),
            None => (Path::new(DEFAULT_FILE), false),
        };
        match std::fs::File::open(path) {
            Ok(_) => Ok(Some(path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => Ok(None),
            Err(error) => Err(LoadError(format!(
                "configuration file {}: {error}",
                path.display()
            ))),
        }
    }

    fn environment_layer(&self, shapes: &Shapes) -> Result<Layer, LoadError> {
        let mut layer = Layer::new(ENVIRONMENT);
        for (variable, text) in &self.environment {
            let Some(name) = variable.strip_prefix("USHER_") else {
                continue;
            };
            let name = name.to_lowercase();
            let path: Vec<&str> = name.split("__").collect();
            match name.strip_suffix("_file") {
                // A key that itself ends in "_file" is not a reference to one.
                Some(target) if shapes.find(&path).is_none() => {
                    let content = std::fs::read_to_string(text).map_err(|error| {
                        LoadError(format!("environment variable {variable}: {text}: {error}"))
                    })?;
                    let path: Vec<&str> = target.split("__").collect();
                    let content = content.trim_end_matches(['\r', '\n']);
                    layer.insert(&path, shapes.value(&path, content));
                }
                _ => layer.insert(&path, shapes.value(&path, text)),
            }
        }
        Ok(layer)
    }

    fn command_line_layer(&self, shapes: &Shapes) -> Result<Layer, LoadError> {
        let mut layer = Layer::new(COMMAND_LINE);
        for pair in &self.command_line {
            let Some((key, text)) = pair.split_once('=') else {
                return Err(LoadError(format!(
                    "command line: --set {pair}: expected KEY=VALUE, such as --set mail.transport=file"
                )));
            };
            let path: Vec<&str> = key.trim().split('.').collect();
            layer.insert(&path, shapes.value(&path, text));
        }
        Ok(layer)
    }
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

/// The defaults, which tell what type a value has that arrives as plain text: `0815` is a password
/// where the default is text, and a number where the default is one.
struct Shapes(Dict);

impl Shapes {
    fn find(&self, path: &[&str]) -> Option<&Value> {
        let (last, tables) = path.split_last()?;
        let table = tables.iter().try_fold(&self.0, |table, level| {
            table.get(*level).and_then(Value::as_dict)
        })?;
        table.get(*last)
    }

    fn value(&self, path: &[&str], text: &str) -> Value {
        match self.find(path) {
            Some(Value::String(..)) => Value::from(text),
            // `Value` reads numbers, booleans, lists and tables, and takes anything else for text.
            _ => text
                .parse()
                .unwrap_or_else(|never: std::convert::Infallible| match never {}),
        }
    }
}

/// A layer that was put together from single values.
struct Layer {
    name: &'static str,
    values: Dict,
}

impl Layer {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            values: Dict::new(),
        }
    }

    fn insert(&mut self, path: &[&str], value: Value) {
        fn insert(table: &mut Dict, path: &[&str], value: Value) {
            match path {
                [] => {}
                [key] => {
                    table.insert((*key).to_owned(), value);
                }
                [level, rest @ ..] => {
                    let mut inner = match table.remove(*level) {
                        Some(Value::Dict(_, inner)) => inner,
                        _ => Dict::new(),
                    };
                    insert(&mut inner, rest, value);
                    table.insert((*level).to_owned(), Value::from(inner));
                }
            }
        }
        insert(&mut self.values, path, value);
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

fn defaults_of(provider: &impl Provider) -> Result<Dict, LoadError> {
    let mut profiles = provider
        .data()
        .map_err(|error| LoadError(format!("built-in defaults: {error}")))?;
    Ok(profiles.remove(&Profile::Default).unwrap_or_default())
}

/// `[mail]` takes a section for each transport, built in or not, so what is no section is a
/// mistyped key.
fn refuse_stray_mail_keys(config: &Config, figment: &Figment) -> Result<(), LoadError> {
    let stray = config
        .mail
        .transports
        .iter()
        .find(|(_, section)| !section.is_object());
    let Some((key, _)) = stray else {
        return Ok(());
    };
    let path = ["mail".to_owned(), key.clone()];
    let layer = figment.find_metadata(&path.join("."));
    Err(LoadError(format!(
        "{}: unknown key; [mail] has transport, from, redirect_all_to, log_in_production, templates, queue and a section for each transport",
        place(layer, &path)
    )))
}

/// Says in one sentence what is wrong, with which key, in which layer.
fn explain(error: &Error, figment: &Figment) -> String {
    let layer = error.metadata.as_ref();
    match &error.kind {
        Kind::UnknownField(field, known) => {
            let mut path = error.path.clone();
            if path.last() != Some(field) {
                path.push(field.clone());
            }
            let layer = figment.find_metadata(&path.join(".")).or(layer);
            format!(
                "{}: unknown key; expected one of {}",
                place(layer, &path),
                known.join(", ")
            )
        }
        Kind::MissingField(field) => {
            format!("{}: missing", place(layer, &with(&error.path, field)))
        }
        kind if error.path.is_empty() => {
            // TOML's own message draws the line over several.
            let message = kind.to_string();
            let words: Vec<&str> = message.lines().filter(|line| !line.contains('|')).collect();
            format!("{}{}", prefix(layer), words.join(": "))
        }
        kind => format!("{}: {kind}", place(layer, &error.path)),
    }
}

fn with(path: &[String], field: &str) -> Vec<String> {
    path.iter()
        .cloned()
        .chain(std::iter::once(field.to_owned()))
        .collect()
}

/// The layer and the key in it, as somebody who has to find it would name them.
fn place(layer: Option<&Metadata>, path: &[String]) -> String {
    match layer {
        Some(layer) if layer.name == ENVIRONMENT => {
            format!(
                "environment variable USHER_{}",
                path.join("__").to_uppercase()
            )
        }
        layer => format!("{}{}", prefix(layer), path.join(".")),
    }
}

/// The layer's name, for those who look where a value comes from.
pub(super) fn layer_name(layer: Option<&Metadata>, key: &str) -> String {
    match layer {
        Some(layer) if layer.name == ENVIRONMENT => {
            format!(
                "environment: USHER_{}",
                key.replace('.', "__").to_uppercase()
            )
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
