//! The configuration: one struct a section of `config.default.toml`.
//!
//! The defaults stand in that file alone, which is compiled in as the first layer, so what is
//! documented there is what happens. How the layers are read and laid over each other stands in
//! `layers`, and what must hold of the values in `problems`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

mod addresses;
mod default_types;
mod layers;
mod problems;
mod production;
mod secrets;
mod sender;
mod show;
mod values;
mod warnings;

pub use addresses::is_loopback;
pub use layers::{CONFIG_FILE, DEFAULTS, Layers, LoadError};
pub use secrets::without_password;
pub use sender::Sender;
pub use show::Shown;

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How strict the server is about its own settings.
    pub environment: Environment,
    /// Where it listens and what it is called from outside.
    pub server: Server,
    /// Where its data is.
    pub database: Database,
    /// What happens with an empty database.
    pub setup: Setup,
    /// How it presents itself to people.
    pub branding: Branding,
    /// Whether people are served pages to sign in with and choose passwords.
    pub pages: Pages,
    /// Where e-mails point.
    pub links: Links,
    /// How e-mails leave.
    pub mail: Mail,
    /// Rules for invitations.
    pub invitations: Invitations,
    /// Rules for passwords, and how they are hashed.
    pub passwords: Passwords,
    /// Rules for sessions.
    pub sessions: Sessions,
    /// How often something may be guessed.
    pub throttle: Throttle,
    /// How long events are kept.
    pub event_log: EventLog,
    /// Whether it serves a page for trying out queries.
    pub playground: Playground,
    /// What clients may ask for, and how long a request may take.
    pub graphql: Graphql,
    /// What is counted for operators.
    pub metrics: Metrics,
    /// The server's own log.
    pub log: Log,
    /// Where traces go.
    pub telemetry: Telemetry,
    /// The deployment's own entries of the dashboard.
    #[serde(default)]
    pub applications: Vec<Application>,
    /// The deployment's own roles, which are made and kept at each start.
    #[serde(default)]
    pub roles: Vec<Role>,
}

/// How strict the server is about its own settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// For trying out: anything goes.
    Demo,
    /// For use: unsafe combinations are refused.
    Production,
}

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The address and port to listen on.
    #[serde(deserialize_with = "values::address")]
    pub bind: SocketAddr,
    /// The address that people reach the server by, without a trailing slash.
    #[serde(deserialize_with = "addresses::base_url")]
    pub public_url: String,
    /// Origins other than the server's own that may use the session cookie.
    pub allowed_origins: Vec<String>,
    /// Networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
    /// How long the server says that it is not ready, and answers all the same, before it stops.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
    /// How long what is in flight may take to finish when the server stops.
    #[serde(with = "humantime_serde")]
    pub shutdown_timeout: Duration,
    /// How many connections there may be at the same time; others wait.
    pub max_connections: usize,
    /// How many of them may come from one client address; others are refused.
    pub max_connections_per_client: usize,
    /// How long a client may take to send a request or to take an answer.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// How long a connection is kept open for a further request.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
}

/// `[database]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite://`, `postgres://` or `mysql://`; may hold a password.
    pub url: SecretString,
    /// The connections that one server opens at most.
    pub max_connections: u32,
    /// How long a start waits for a database server that is not there yet.
    #[serde(with = "humantime_serde")]
    pub wait: Duration,
    /// How long the database server may take to let Usher in when it starts.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// How long a request waits for one of the connections.
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
    /// How long the database server may be silent before it counts as away.
    #[serde(with = "humantime_serde")]
    pub unavailable_after: Duration,
    /// How long a connection stays open that nobody uses.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// How long a connection stays open at most.
    #[serde(with = "humantime_serde")]
    pub max_lifetime: Duration,
    /// How many statements a connection keeps prepared.
    pub statement_cache: usize,
    /// Whether a pooler stands between Usher and PostgreSQL.
    pub pooler: Pooler,
}

/// Whether a pooler, such as PgBouncer, stands between Usher and PostgreSQL, and gives a connection another
/// session for each transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooler {
    /// The start finds out.
    Detect,
    /// Each connection has a session of its own.
    None,
    /// The sessions are shared.
    Transaction,
}

/// `[setup]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Who is invited as Administrator when there is no user yet.
    pub administrator: String,
}

/// `[branding]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branding {
    /// What people are invited to join.
    pub name: String,
    /// The address of a picture for pages and e-mails; empty for the built-in one, on pages only.
    pub logo_url: String,
    /// Of buttons, as `#rrggbb`.
    pub color: String,
}

/// `[pages]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// Whether they are served.
    pub enabled: bool,
}

/// `[links]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    /// The page on which an invited person chooses a password.
    pub invitation: String,
    /// The page on which somebody chooses a new password.
    pub password_reset: String,
    /// The origins to which an invitation may lead whoever has accepted it.
    pub redirect_origins: Vec<String>,
}

impl Links {
    /// Each with its key.
    fn all(&self) -> [(&'static str, &str); 2] {
        [
            ("links.invitation", &self.invitation),
            ("links.password_reset", &self.password_reset),
        ]
    }
}

/// `[mail]`
#[derive(Clone, Debug, Deserialize)]
pub struct Mail {
    /// The name of the transport that is used.
    pub transport: String,
    /// The sender, as an RFC 5322 mailbox.
    pub from: Sender,
    /// The one address that all mails go to, whomever they are for; empty for none.
    #[serde(deserialize_with = "values::optional_text")]
    pub redirect_all_to: Option<String>,
    /// A folder whose templates replace the built-in ones; empty for none.
    #[serde(deserialize_with = "values::optional_path")]
    pub templates: Option<PathBuf>,
    /// Whether the log transport, which prints secret links, may be used in production.
    pub log_in_production: bool,
    /// How the queue is worked off.
    pub queue: MailQueue,
    /// The sections of the transports, by name. Each transport knows its own keys.
    #[serde(flatten)]
    pub transports: Sections,
}

/// The sections of the transports, by name; they hold passwords.
#[derive(Clone, Deserialize)]
pub struct Sections(BTreeMap<String, serde_json::Value>);

impl std::ops::Deref for Sections {
    type Target = BTreeMap<String, serde_json::Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for Sections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// `[mail.queue]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailQueue {
    /// How many mails are sent at the same time.
    pub workers: usize,
    /// How often the queue is looked at when nothing wakes the worker.
    #[serde(with = "humantime_serde")]
    pub poll_interval: Duration,
    /// After how many attempts a mail is given up.
    pub max_attempts: u32,
    /// The wait before the second attempt; it doubles with each further one.
    #[serde(with = "humantime_serde")]
    pub retry_after: Duration,
    /// The longest wait between two attempts.
    #[serde(with = "humantime_serde")]
    pub retry_after_at_most: Duration,
    /// How often an unavailable transport is probed at least, with one e-mail.
    #[serde(with = "humantime_serde")]
    pub probe_interval: Duration,
    /// How long a claim holds when its worker falls silent.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// For how many days a sent mail is kept.
    pub keep_sent_days: u32,
    /// For how many days a mail is kept that failed or was cancelled.
    pub keep_unsent_days: u32,
}

/// `[invitations]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitations {
    /// How long an invitation's link works.
    #[serde(with = "humantime_serde")]
    pub valid_for: Duration,
    /// How long a link works at most for which that is said by itself.
    #[serde(with = "humantime_serde")]
    pub valid_for_at_most: Duration,
    /// For how many days an invitation is kept that has ended, unless it is its user's newest.
    pub keep_ended_days: u32,
}

/// `[passwords]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passwords {
    /// The fewest characters that a password may have.
    pub min_length: usize,
    /// The lowest zxcvbn score, 0 to 4, that a password may have.
    pub min_score: u8,
    /// How many passwords are hashed at the same time; 0 is one a core.
    pub hash_workers: usize,
    /// How many may wait for their turn; what is more is refused.
    pub hash_queue: usize,
    /// How many of them may come from one client address.
    pub hash_queue_per_client: usize,
    /// How long the link of a password reset works.
    #[serde(with = "humantime_serde")]
    pub reset_valid_for: Duration,
    /// For how many days a password reset is kept that has ended.
    pub keep_ended_resets_days: u32,
    /// What a hash costs.
    pub argon2: Argon2,
}

/// `[passwords.argon2]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Argon2 {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// `[sessions]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    /// After how long without use a session ends.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// The same for a session that nobody asked to keep.
    #[serde(with = "humantime_serde")]
    pub idle_timeout_unless_kept: Duration,
    /// After how long any session ends.
    #[serde(with = "humantime_serde")]
    pub absolute_timeout: Duration,
}

/// `[throttle]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// Attempts at one account from one known device, or from one client address, that are not
    /// delayed.
    pub account_attempts: u32,
    /// Attempts at one account from all unknown devices together that are not delayed.
    pub account_attempts_in_all: u32,
    /// Attempts from one client address, at whatever account, that are not delayed.
    pub client_attempts: u32,
    /// E-mails of one kind to one recipient that are not delayed.
    pub emails_per_recipient: u32,
    /// Changes that a user makes to their own account that are not delayed.
    pub own_changes: u32,
    /// The first delay; it doubles each further time.
    #[serde(with = "humantime_serde")]
    pub delay: Duration,
    /// Where the doubling stops.
    #[serde(with = "humantime_serde")]
    pub delay_at_most: Duration,
    /// The longest delay that strangers' attempts can cause for an account.
    #[serde(with = "humantime_serde")]
    pub account_delay_at_most: Duration,
    /// The longest delay of e-mails to one recipient.
    #[serde(with = "humantime_serde")]
    pub email_delay_at_most: Duration,
    /// How long after the first one counting begins anew.
    #[serde(with = "humantime_serde")]
    pub forget_after: Duration,
}

/// `[event_log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventLog {
    /// For how many days events are kept; 0 keeps them for ever.
    pub keep_days: u32,
}

/// `[playground]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playground {
    /// Whether it is served; see [`Config::serves_playground`].
    pub enabled: Option<bool>,
}

/// `[graphql]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graphql {
    /// Whether clients may ask for the schema; see [`Config::allows_introspection`].
    pub introspection: Option<bool>,
    /// How long one request may take in all.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

/// `[metrics]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// The address and port on which `/metrics` is served, if it is.
    #[serde(deserialize_with = "values::optional_address")]
    pub bind: Option<SocketAddr>,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Which events are written, in tracing's directives.
    pub filter: String,
    /// How they are written.
    pub format: LogFormat,
}

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// The collector of OpenTelemetry that spans are exported to, by OTLP over HTTP; nothing, if they are not.
    #[serde(deserialize_with = "values::optional_text")]
    pub endpoint: Option<String>,
    /// Further headers for it, as `name=value, name=value`, such as the collector's key.
    pub headers: SecretString,
    /// Which part of the traces is exported that begin here, from 0 to 1.
    pub sampling_ratio: f64,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// `[[applications]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Slug, such as `content-hub`.
    pub code: String,
    /// What people see.
    pub name: String,
    /// What it is for, in a sentence.
    #[serde(default)]
    pub description: String,
    /// What can be permitted in it, `view` among them.
    pub actions: Vec<String>,
    /// Where it is; the dashboard links there.
    #[serde(default)]
    pub url: Option<String>,
}

/// `[[roles]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// What programs call it, such as `ContentEditor`, in upper or lower case.
    pub code_name: String,
    /// What people see.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// All that it grants, such as `content-hub.view`.
    pub permissions: Vec<String>,
}

impl Config {
    /// Whether the playground is served: unless the configuration says so, not in production.
    pub fn serves_playground(&self) -> bool {
        self.playground.enabled.unwrap_or(self.is_demo())
    }

    /// Whether clients may ask for the schema: unless the configuration says so, not in production.
    pub fn allows_introspection(&self) -> bool {
        self.graphql.introspection.unwrap_or(self.is_demo())
    }

    /// Whether it is for trying out.
    pub fn is_demo(&self) -> bool {
        self.environment == Environment::Demo
    }
}
