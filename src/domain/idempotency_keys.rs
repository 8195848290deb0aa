//! Idempotency keys: with the same one, the same is asked for again, and done once.
//!
//! A client that has lost an answer cannot know whether anything was done; with a key, it asks again and is
//! told. A key belongs to who uses it and to what it is used for. What was done is stored with it, by the same
//! change, and so exists where the change does and nowhere else: what was refused, and what failed, leaves the
//! key unused. Whoever comes at the same moment with the same key waits for that change. (The HTTPAPI working
//! group's draft "The Idempotency-Key HTTP Header Field" means the same by it.)

use std::time::Duration;

use entity::{UserId, idempotency_key};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use texts::invisible;

use super::change::Change;
use super::error::{Error, Result, UserError, UserErrorCode};
use super::retention::{DAY, remove_in_batches};
use crate::database::{Write, is_duplicate, lost};
use crate::domain::app::App;

/// For how long it is known what was done. After that, a key is a new one.
const KEPT_FOR: Duration = DAY;

/// The longest key, in characters.
const MAX_LENGTH: usize = 255;

const FIELD: &str = "idempotencyKey";

/// What a key can be used for, each with keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Operation {
    /// To invite a person.
    InviteUser,
    /// To invite many people.
    InviteUsers,
    /// To send a test e-mail.
    SendTestEmail,
}

/// A key, and what is asked for with it.
#[derive(Clone, Debug)]
pub struct Key {
    operation: Operation,
    text: String,
    input_digest: String,
}

impl Key {
    /// Reads a key that came with this input; none, if none came.
    ///
    /// # Errors
    ///
    /// For `idempotencyKey`: required, too long, invalid.
    pub fn read(
        operation: Operation,
        text: Option<&str>,
        input: &impl Serialize,
    ) -> Result<Option<Self>> {
        let Some(text) = text else {
            return Ok(None);
        };
        let refused = |code, message: &str| UserError::new(code, FIELD, message);
        if invisible::trim(text).is_empty() {
            let message = "Provide a key that no other input has, such as a UUID, or none.";
            return Err(refused(UserErrorCode::Required, message).into());
        }
        // That it is longer is known before all of it is looked at.
        if text.chars().nth(MAX_LENGTH).is_some() {
            let message = format!("Provide at most {MAX_LENGTH} characters.");
            let error = refused(UserErrorCode::TooLong, &message);
            return Err(error.with("max", MAX_LENGTH).into());
        }
        if text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            let message = "Remove line breaks and other control characters.";
            return Err(refused(UserErrorCode::Invalid, message).into());
        }
        if let Some(c) = invisible::find(text) {
            let message = format!("Remove the invisible character {}.", invisible::code(c));
            return Err(refused(UserErrorCode::Invalid, &message).into());
        }
        Ok(Some(Self {
            operation,
            text: text.to_owned(),
            // Nobody can guess an address by this who does not know the key.
            input_digest: digest(&(text, input))?,
        }))
    }

    /// What was done with it already; nothing, if what is asked for is to be done now, by this change, which
    /// then [stores](Self::store) what it has done. The actor was confirmed before.
    ///
    /// # Errors
    ///
    /// [`IdempotencyKeyReused`](UserErrorCode::IdempotencyKeyReused) if something else was done with it.
    pub async fn take<T: DeserializeOwned>(&self, change: &Change<'_>) -> Result<Option<T>> {
        let (app, db) = (change.app(), change.db());
        let user = change.actor().user_id().ok_or(Error::Unauthenticated)?;
        let digest = self.digest_for(user)?;
        let now = app.clock.now();
        let this = idempotency_key::Entity::find_by_id(&digest);
        // Whoever is using it is waited for.
        let found = app.db.one(db, this.lock(LockType::Update)).await?;
        if let Some(row) = found {
            if row.created_at.after(KEPT_FOR) > now {
                return self.outcome_in(&row).map(Some);
            }
            idempotency_key::Entity::delete_by_id(&digest)
                .write(db)
                .await?;
        }
        let row = idempotency_key::ActiveModel {
            digest: Set(digest),
            user_id: Set(user),
            input_digest: Set(self.input_digest.clone()),
            // It is stored as it was done, or not at all.
            outcome: Set(String::new()),
            created_at: Set(now),
        };
        let taken = idempotency_key::Entity::insert(row).write(db).await;
        taken.map_err(|error| {
            if is_duplicate(&error) {
                // Somebody was faster, and what they have done is seen when the change is made again.
                lost(&error)
            } else {
                error
            }
        })?;
        Ok(None)
    }

    fn outcome_in<T: DeserializeOwned>(&self, row: &idempotency_key::Model) -> Result<T> {
        if row.input_digest != self.input_digest {
            let message = "This key was used with another input. Provide a new one.";
            let code = UserErrorCode::IdempotencyKeyReused;
            return Err(UserError::new(code, FIELD, message).into());
        }
        serde_json::from_str(&row.outcome).map_err(Error::internal)
    }

    /// Stores what was done with it, by the change that has [taken](Self::take) it.
    pub async fn store(&self, change: &Change<'_>, outcome: &impl Serialize) -> Result<()> {
        let user = change.actor().user_id().ok_or(Error::Unauthenticated)?;
        let outcome = serde_json::to_string(outcome).map_err(Error::internal)?;
        idempotency_key::Entity::update_many()
            .set(idempotency_key::ActiveModel {
                outcome: Set(outcome),
                ..Default::default()
            })
            .filter(idempotency_key::Column::Digest.eq(self.digest_for(user)?))
            .write(change.db())
            .await?;
        Ok(())
    }

    fn digest_for(&self, user: UserId) -> Result<String> {
        digest(&(self.operation, user, &self.text))
    }
}

/// What [`Key::take`] returns, where there may be no key.
pub async fn take<T: DeserializeOwned>(
    change: &Change<'_>,
    key: Option<&Key>,
) -> Result<Option<T>> {
    match key {
        Some(key) => key.take(change).await,
        None => Ok(None),
    }
}

/// What [`Key::store`] does, where there may be no key.
pub async fn store(change: &Change<'_>, key: Option<&Key>, outcome: &impl Serialize) -> Result<()> {
    match key {
        Some(key) => key.store(change, outcome).await,
        None => Ok(()),
    }
}

/// What was done with a key is there no longer: it was deleted since.
pub fn gone(message: &str) -> Error {
    UserError::new(UserErrorCode::NotFound, FIELD, message).into()
}

/// Each part of JSON says where it ends, so that no two values have the same digest.
fn digest(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(value).map_err(Error::internal)?;
    Ok(format!("{:x}", Sha256::digest(json)))
}

/// Removes keys that were used long ago.
pub async fn prune(app: &App) -> Result<()> {
    let long_ago = app.clock.now().before(KEPT_FOR);
    let old =
        idempotency_key::Entity::find().filter(idempotency_key::Column::CreatedAt.lte(long_ago));
    remove_in_batches(app, &old).await
}
