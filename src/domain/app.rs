//! What every operation needs, in one place.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use entity::EmailId;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use super::EmailAddress;
use super::applications::Catalogue;
use super::emails::watchers::EmailChanges;
use super::error::Error;
use super::passwords::hasher::PasswordHasher;
use super::refusals::Refusals;
use super::roles::cache::RoleCache;
use super::roles::declared::DeclaredRole;
use super::throttle::gates::Gates;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::database::{Database, Schema};
use crate::email_templates::EmailTemplates;
use crate::metrics::Metrics;

/// How many hints that an e-mail has changed are kept. Whoever misses some looks at the rows all the
/// same.
const HINTS_KEPT: usize = 1024;

/// The server's parts, made once at the start and shared by all requests and the mail worker.
#[derive(Debug)]
pub struct App {
    /// Where the data is.
    pub db: Database,
    /// What time it is.
    pub clock: Clock,
    /// Hashes passwords on threads of its own.
    pub passwords: PasswordHasher,
    /// Where guesses at an account wait for their turn.
    pub gates: Gates,
    /// Which refusals were recorded a moment ago.
    pub refusals: Refusals,
    /// What is counted for operators.
    pub metrics: Metrics,
    /// Writes e-mails.
    pub email_templates: EmailTemplates,
    /// The applications and permissions that there are.
    pub catalogue: Catalogue,
    /// The roles that the configuration declares.
    pub declared_roles: Vec<DeclaredRole>,
    /// Who is invited as Administrator when there is no user yet.
    pub administrator: EmailAddress,
    /// The one address that all e-mails go to, if there is one.
    pub redirect_all_to: Option<EmailAddress>,
    /// The roles and what they grant, as of their last change.
    pub roles: RoleCache,
    /// Wakes the mail worker when a mail was queued.
    pub mail_queued: Notify,
    /// Has the indexes for searching forget what was erased.
    pub search_to_compact: Notify,
    /// Hints which e-mail was queued or has changed, after the commit.
    pub email_changed: broadcast::Sender<EmailId>,
    /// Tells those who watch the queue what has changed.
    pub email_changes: EmailChanges,
    /// What the deployment has set.
    pub settings: Config,
    /// When the server is about to stop: it still answers, but nobody should send it more.
    pub draining: CancellationToken,
    /// Ends whatever lasts until somebody ends it, when the server stops.
    pub stopping: CancellationToken,
    /// How many mail workers run in this process.
    workers: AtomicUsize,
    /// Whether another process runs the mail worker.
    worker_is_elsewhere: AtomicBool,
}

impl App {
    /// Puts the parts together, and opens the database when nothing else is wrong.
    ///
    /// # Errors
    ///
    /// Sentences that name the settings which cannot be used, or the database that cannot be opened.
    pub async fn open(settings: Config) -> Result<Self, String> {
        let FromSettings {
            catalogue,
            declared_roles,
            email_templates,
            passwords,
            administrator,
            redirect_all_to,
        } = FromSettings::new(&settings).map_err(|problems| problems.join("\n"))?;
        let db = Database::open(&settings.database)
            .await
            .map_err(|error| error.to_string())?;
        let clock = Clock::system();
        db.set_clock(&clock)
            .await
            .map_err(|error| format!("database: {error}"))?;
        Ok(Self {
            db,
            clock,
            passwords,
            gates: Gates::default(),
            refusals: Refusals::default(),
            metrics: Metrics::new(transports(&settings.mail)),
            email_templates,
            catalogue,
            declared_roles,
            administrator,
            redirect_all_to,
            roles: RoleCache::default(),
            mail_queued: Notify::new(),
            search_to_compact: Notify::new(),
            email_changed: broadcast::Sender::new(HINTS_KEPT),
            email_changes: EmailChanges::default(),
            settings,
            draining: CancellationToken::new(),
            stopping: CancellationToken::new(),
            workers: AtomicUsize::new(0),
            worker_is_elsewhere: AtomicBool::new(false),
        })
    }

    /// Whether the parts can be put together from these settings; nothing is opened.
    ///
    /// # Errors
    ///
    /// Sentences that name the settings which cannot be used.
    pub fn check(settings: &Config) -> Result<(), Vec<String>> {
        FromSettings::new(settings).map(drop)
    }

    /// A new primary key. It begins with the time, so that rows are stored in the order of their
    /// making (UUIDv7, RFC 9562).
    pub fn new_id<I: entity::id::Id>(&self) -> I {
        let micros = self.clock.now().0.unsigned_abs();
        let timestamp = uuid::Timestamp::from_unix(
            uuid::NoContext,
            micros / 1_000_000,
            (micros % 1_000_000) as u32 * 1_000,
        );
        I::from(uuid::Uuid::new_v7(timestamp))
    }

    /// Counts a mail worker for as long as what is returned lives.
    pub fn worker_guard(&self) -> WorkerGuard<'_> {
        self.workers.fetch_add(1, Ordering::Relaxed);
        WorkerGuard(self)
    }

    /// Leaves the e-mails to a worker in another process.
    pub fn leave_mails_to_others(&self) {
        self.worker_is_elsewhere.store(true, Ordering::Relaxed);
    }

    /// Whether a mail worker runs in this process, or need not.
    pub fn worker_runs(&self) -> bool {
        self.workers.load(Ordering::Relaxed) > 0 || self.worker_is_elsewhere.load(Ordering::Relaxed)
    }

    /// The database's schema, and whether it is that of this version. If it lacks something, the server
    /// must not answer. A database that has not said so in a moment is away to whoever asks for this.
    pub async fn schema(&self) -> Result<Schema, Error> {
        Ok(self.db.in_a_moment(self.db.schema()).await?)
    }
}

/// The transports that may be used: the one that is set, and those that it may hand an e-mail on to.
fn transports(mail: &config::Mail) -> impl Iterator<Item = &str> {
    let own = mail.transports.get(&mail.transport);
    let others = own.and_then(|section| section.get("transports")?.as_array());
    let others = others.into_iter().flatten();
    let others = others.filter_map(serde_json::Value::as_str);
    std::iter::once(mail.transport.as_str()).chain(others)
}

/// What the settings alone make, before anything is opened.
struct FromSettings {
    catalogue: Catalogue,
    declared_roles: Vec<DeclaredRole>,
    email_templates: EmailTemplates,
    passwords: PasswordHasher,
    administrator: EmailAddress,
    redirect_all_to: Option<EmailAddress>,
}

impl FromSettings {
    /// Makes them, or says all that is wrong with the settings at once.
    fn new(settings: &Config) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let catalogue = Catalogue::new(&settings.applications)
            .map_err(|wrong| problems.extend(wrong))
            .ok();
        let declared_roles = DeclaredRole::all(&settings.roles, catalogue.as_ref())
            .map_err(|wrong| problems.extend(wrong))
            .ok();
        let email_templates = EmailTemplates::new(settings)
            .map_err(|problem| problems.push(problem))
            .ok();
        let passwords = PasswordHasher::new(&settings.passwords)
            .map_err(|error| problems.push(format!("passwords.argon2: {error}")))
            .ok();
        let mut address = |key, text: &str| {
            EmailAddress::parse(text)
                .map_err(|error| problems.push(format!("{key}: {error}")))
                .ok()
        };
        let administrator = address("setup.administrator", &settings.setup.administrator);
        let redirect = settings.mail.redirect_all_to.as_deref();
        let redirect_all_to = redirect.and_then(|text| address("mail.redirect_all_to", text));
        let roles = declared_roles;
        match (catalogue, roles, email_templates, passwords, administrator) {
            (
                Some(catalogue),
                Some(declared_roles),
                Some(email_templates),
                Some(passwords),
                Some(administrator),
            ) if problems.is_empty() => Ok(Self {
                catalogue,
                declared_roles,
                email_templates,
                passwords,
                administrator,
                redirect_all_to,
            }),
            _ => Err(problems),
        }
    }
}

/// A mail worker that runs.
#[derive(Debug)]
pub struct WorkerGuard<'a>(&'a App);

impl Drop for WorkerGuard<'_> {
    fn drop(&mut self) {
        self.0.workers.fetch_sub(1, Ordering::Relaxed);
    }
}
