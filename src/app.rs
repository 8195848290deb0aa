//! What every operation needs, in one place.

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::config::Config;
use crate::database::Database;
use crate::domain::applications::Catalogue;
use crate::domain::passwords::PasswordHasher;
use crate::domain::roles::RoleCache;
use crate::domain::{EmailAddress, Error};
use crate::mail::letters::Letters;

/// The server's parts, made once at the start and shared by all requests and the mail worker.
#[derive(Debug)]
pub struct App {
    /// Where the data is.
    pub db: Database,
    /// What time it is.
    pub clock: Clock,
    /// Hashes passwords on threads of its own.
    pub passwords: PasswordHasher,
    /// Writes letters.
    pub letters: Letters,
    /// The applications and permissions that there are.
    pub catalogue: Catalogue,
    /// The roles and what they grant, as of their last change.
    pub roles: RoleCache,
    /// Wakes the mail worker when a mail was queued.
    pub mail_queued: Notify,
    /// What the deployment has set.
    pub settings: Config,
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    ///
    /// Sentences that name the settings which cannot be used.
    pub fn new(settings: Config, db: Database) -> Result<Self, Vec<String>> {
        let catalogue = Catalogue::new(&settings.applications)?;
        let letters = Letters::new(&settings).map_err(|problem| vec![problem])?;
        let passwords = PasswordHasher::new(&settings.passwords)
            .map_err(|error| vec![format!("passwords.argon2: {error}")])?;
        EmailAddress::parse("setup.administrator", &settings.setup.administrator)
            .map_err(|error| vec![format!("setup.administrator: {}", error.message)])?;
        Ok(Self {
            db,
            clock: Clock::system(),
            passwords,
            letters,
            catalogue,
            roles: RoleCache::default(),
            mail_queued: Notify::new(),
            settings,
        })
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

    /// The link in a letter: the configured pattern with the configured address and the token.
    pub fn link(&self, pattern: &str, token: &crate::domain::tokens::Token) -> String {
        pattern
            .replace("{public_url}", &self.settings.server.public_url)
            .replace("{token}", token.expose())
    }

    /// The database's schema is that of this version, or the server must not answer.
    pub async fn is_ready(&self) -> Result<bool, Error> {
        Ok(self.db.pending_migrations().await? == 0)
    }
}
