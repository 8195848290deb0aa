//! The registry: which transports there are, and how each is built from its section of the
//! configuration. Where that configuration comes from is not known here.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    sync::Arc,
    time::Duration,
};

use serde::de::DeserializeOwned;

use crate::{
    Transport, failover, file, log,
    secrets::{Hidden, Masked},
    sendmail, smtp,
};

/// A transport's section of the configuration, such as `[mail.smtp]`; `Null` where there is none.
pub type Section = serde_json::Value;

type Built = Result<Arc<dyn Transport>, ConfigError>;
type Constructor = Arc<dyn Fn(&Context<'_>) -> Built + Send + Sync>;

/// Transports by name.
#[derive(Clone, Default)]
pub struct Registry {
    constructors: BTreeMap<&'static str, Constructor>,
}

impl Registry {
    /// The transports of this crate.
    pub fn builtin() -> Self {
        let mut registry = Self::default();
        registry.register(failover::NAME, failover::build);
        registry.register(file::NAME, file::build);
        registry.register(log::NAME, log::build);
        registry.register(sendmail::NAME, sendmail::build);
        registry.register(smtp::NAME, smtp::build);
        registry
    }

    /// Adds a transport, or puts another in the place of one.
    pub fn register<F>(&mut self, name: &'static str, constructor: F)
    where
        F: Fn(&Context<'_>) -> Result<Arc<dyn Transport>, ConfigError> + Send + Sync + 'static,
    {
        self.constructors.insert(name, Arc::new(constructor));
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.constructors.keys().copied()
    }

    /// Builds the transport `name` from its section among `sections`: some transports are built
    /// from others and need theirs too. A section that no transport answers to is a typing error.
    pub fn build(&self, name: &str, sections: &BTreeMap<String, Section>) -> Built {
        let is_unknown = |section: &&String| !self.constructors.contains_key(section.as_str());
        if let Some(section) = sections.keys().find(is_unknown) {
            let names: Vec<&str> = self.names().collect();
            return Err(ConfigError {
                section: format!("mail.{section}"),
                key: String::new(),
                problem: format!(
                    "there is no such transport; choose one of {}",
                    names.join(", ")
                ),
            });
        }
        Context {
            registry: self,
            sections,
            path: &[],
            hidden: Hidden::default(),
        }
        .enter(name, || ("mail".into(), "transport".into()))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// What a transport's constructor sees: its own section, and a way to the other transports.
pub struct Context<'a> {
    registry: &'a Registry,
    sections: &'a BTreeMap<String, Section>,
    /// The transports that are being built, each from the one before; the last is this one.
    path: &'a [&'a str],
    hidden: Hidden,
}

impl Context<'_> {
    /// The name under which the transport was registered.
    pub fn name(&self) -> &str {
        self.path.last().copied().unwrap_or_default()
    }

    /// The transport's own section. One that is absent is read as an empty one.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let section = match self.sections.get(self.name()) {
            None | Some(Section::Null) => Section::Object(serde_json::Map::new()),
            Some(section) => section.clone(),
        };
        serde_path_to_error::deserialize(section).map_err(|error| {
            let key = match error.path().to_string() {
                path if path == "." => String::new(),
                path => path,
            };
            self.error(key, error.inner())
        })
    }

    /// Never lets the transport show `secret`, whoever quotes it: a password or key of its settings.
    pub fn hide(&self, secret: &str) {
        self.hidden.add(secret);
    }

    /// The same, for secrets that it comes by while it works.
    pub fn hidden(&self) -> Hidden {
        self.hidden.clone()
    }

    /// Builds another transport, for use by this one; `key` is the setting that names it.
    pub fn build(&self, name: &str, key: &str) -> Built {
        if self.path.contains(&name) {
            let path = [self.path, &[name]].concat().join(" → ");
            return Err(self.error(key, format!("must not lead back to itself: {path}")));
        }
        self.enter(name, || (self.section(), key.to_owned()))
    }

    /// An error in the transport's own section.
    pub fn error(&self, key: impl Into<String>, problem: impl Display) -> ConfigError {
        ConfigError {
            section: self.section(),
            key: key.into(),
            problem: problem.to_string(),
        }
    }

    /// Refuses a time limit that leaves no time at all.
    pub(crate) fn must_last(&self, key: &str, limit: Duration) -> Result<(), ConfigError> {
        if limit.is_zero() {
            Err(self.error(key, "must be longer than 0s"))
        } else {
            Ok(())
        }
    }

    fn section(&self) -> String {
        format!("mail.{}", self.name())
    }

    /// Calls the constructor of `name`; `named_by` says which key asked for it.
    fn enter(&self, name: &str, named_by: impl FnOnce() -> (String, String)) -> Built {
        let Some(constructor) = self.registry.constructors.get(name) else {
            let names: Vec<&str> = self.registry.names().collect();
            let names = names.join(", ");
            let (section, key) = named_by();
            return Err(ConfigError {
                section,
                key,
                problem: format!("{name:?} is not a transport; choose one of {names}"),
            });
        };
        let hidden = Hidden::default();
        let transport = constructor(&Context {
            registry: self.registry,
            sections: self.sections,
            path: &[self.path, &[name]].concat(),
            hidden: hidden.clone(),
        })?;
        Ok(Arc::new(Masked::new(transport, hidden)))
    }
}

/// A section of the configuration cannot be used. Shown with the section and the key:
/// `mail.smtp.port: invalid type: string "smtp", expected u16`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// `mail.smtp`
    pub section: String,
    /// `port`; empty where the section as a whole is meant.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            section,
            key,
            problem,
        } = self;
        match key.as_str() {
            "" => write!(f, "{section}: {problem}"),
            key => write!(f, "{section}.{key}: {problem}"),
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(name: &str, sections: Section) -> String {
        let sections = serde_json::from_value(sections).unwrap();
        match Registry::builtin().build(name, &sections) {
            Ok(_) => panic!("{name} was built"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_transport_has_defaults() {
        let registry = Registry::builtin();
        for name in registry.names() {
            registry.build(name, &BTreeMap::new()).unwrap();
            let sections = BTreeMap::from([(name.to_owned(), Section::Null)]);
            registry.build(name, &sections).unwrap();
        }
    }

    #[test]
    fn errors_name_section_and_key() {
        assert_eq!(
            error("pigeon", json!({})),
            "mail.transport: \"pigeon\" is not a transport; \
             choose one of failover, file, log, sendmail, smtp"
        );
        assert_eq!(
            error("smtp", json!({"smtp": {"port": "smtp"}})),
            "mail.smtp.port: invalid type: string \"smtp\", expected u16"
        );
        assert!(
            error("smtp", json!({"smtp": {"prot": 25}}))
                .starts_with("mail.smtp.prot: unknown field `prot`, expected one of `host`, ")
        );
        assert_eq!(
            error("log", json!({"pigeon": {"loft": 1}})),
            "mail.pigeon: there is no such transport; \
             choose one of failover, file, log, sendmail, smtp"
        );
        assert!(error("file", json!({"file": 1})).starts_with("mail.file: invalid type: "));
        assert_eq!(
            error("file", json!({"file": {"path": ""}})),
            "mail.file.path: is empty; name a folder"
        );
    }

    #[test]
    fn a_list_of_transports_ends() {
        let error_of = |list: &[&str]| {
            let sections = json!({"failover": {"transports": list}, "file": {"path": ""}});
            error("failover", sections)
        };
        assert_eq!(
            error_of(&[]),
            "mail.failover.transports: is empty; name at least one transport"
        );
        assert_eq!(
            error_of(&["log", "failover"]),
            "mail.failover.transports: must not lead back to itself: failover → failover"
        );
        let unknown = "mail.failover.transports: \"pigeon\" is not a transport; ";
        assert!(error_of(&["log", "pigeon"]).starts_with(unknown));
        // The error of an inner section names that section.
        assert!(error_of(&["file"]).starts_with("mail.file.path: "));
    }
}
