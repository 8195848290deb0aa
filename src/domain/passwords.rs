//! Passwords: which are accepted, and how they are stored.

use entity::UserId;
use entity::email::Priority;
use entity::user::{self, PasswordHash};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, Set};
use unicode_normalization::UnicodeNormalization;
use zxcvbn::Score;

use super::actor::Actor;
use super::emails::{self, NewEmail, Purpose, Queued};
use super::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use super::events::{self, Action, Changes};
use super::throttle::{self, Scope};
use super::users::{self, User};
use super::{password_resets, sessions};
use crate::app::App;
use crate::config;
use crate::letters::Letter;

mod hasher;
mod pool;

pub use hasher::PasswordHasher;

/// The maximum length of a password, in bytes of UTF-8. Longer ones are refused, never truncated.
pub const MAX_LENGTH: usize = 1024;

/// How much of a password zxcvbn looks at; the rest can only make it harder to guess. At three times
/// this length, some passwords take seconds.
const SCORED_CHARACTERS: usize = 32;

/// A password as it was entered, in normal form: two keyboards that compose an accent differently
/// type the same password (NFC; NIST SP 800-63B, section 5.1.1.2).
///
/// It is never printed.
pub struct Password(String);

impl Password {
    /// Takes what was entered.
    pub fn new(typed: &str) -> Self {
        // Anything longer is refused before it is used; it need not be normalised first.
        match typed.len() > MAX_LENGTH {
            true => Self(typed.to_owned()),
            false => Self(typed.nfc().collect()),
        }
    }

    /// A second copy, for a hash with newer parameters: a password is used up when it is hashed.
    pub(super) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Itself, or something that costs as much to hash and is nobody's password.
    pub(super) fn usable(self) -> Self {
        match self.is_too_long() {
            true => Self::new(""),
            false => self,
        }
    }

    /// Whether it has more than [`MAX_LENGTH`] bytes, and can be nobody's password.
    pub(super) fn is_too_long(&self) -> bool {
        self.0.len() > MAX_LENGTH
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The user that a password is for: what an attacker would try first.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Their e-mail address.
    pub email: &'a str,
    /// Their first name.
    pub first_name: &'a str,
    /// Their last name.
    pub last_name: &'a str,
}

/// Checks a new password against the one policy, and hashes it.
///
/// # Errors
///
/// [`UserErrorCode::PasswordTooShort`], [`TooLong`](UserErrorCode::TooLong) or
/// [`PasswordTooWeak`](UserErrorCode::PasswordTooWeak) for the input `field`, with advice.
pub async fn hash_new(
    app: &App,
    field: &'static str,
    password: Password,
    context: &Context<'_>,
) -> Result<entity::user::PasswordHash> {
    let password = check_new(app, field, password, context).await??;
    app.passwords.hash(password).await
}

/// Checks a new password, and returns it if it is acceptable.
async fn check_new(
    app: &App,
    field: &'static str,
    password: Password,
    context: &Context<'_>,
) -> Result<std::result::Result<Password, UserError>> {
    let policy = &app.settings.passwords;
    let words = words_of(context, &app.settings.branding.name);
    let policy = policy.clone();
    let judge = move || {
        let estimate = estimate(&password, &words);
        check(&policy, field, &password, &estimate).map(|()| password)
    };
    app.passwords.scoring.run(judge).await
}

/// Changes the password of a user who knows it. Their other sessions end, links that were sent to
/// them stop working, and they are notified by e-mail.
///
/// # Errors
///
/// [`InvalidCredentials`](UserErrorCode::InvalidCredentials) for `currentPassword`; the policy's
/// errors and [`PasswordUnchanged`](UserErrorCode::PasswordUnchanged) for `newPassword`; and
/// [`TooManyAttempts`](UserErrorCode::TooManyAttempts).
pub async fn change(app: &App, actor: &Actor, current: Password, new: Password) -> Result<User> {
    let signed_in = actor.signed_in()?;
    let user = &signed_in.user;
    let account = &user.row.email_normal;
    let guess = throttle::attempt(app, actor, Scope::Password, Some(account)).await?;
    let is_unchanged = current.0 == new.0;
    let mut errors = UserErrors::default();
    let verified = app
        .passwords
        .verify(current.usable(), user.row.password_hash.clone())
        .await;
    let is_right = match verified {
        Ok(is_right) => is_right,
        Err(error) => {
            throttle::take_back(app, &guess).await?;
            return Err(error);
        }
    };
    if !is_right {
        errors.push(UserError::new(
            UserErrorCode::InvalidCredentials,
            "currentPassword",
            "This is not your current password.",
        ));
    }
    let new = errors.check(check_new(app, "newPassword", new, &user.password_context()).await?);
    if is_right && is_unchanged {
        errors.push(UserError::new(
            UserErrorCode::PasswordUnchanged,
            "newPassword",
            "Choose a password other than the current one.",
        ));
    }
    let new = match errors.finish(new) {
        Ok(new) => new,
        Err(error) => {
            if is_right {
                throttle::take_back(app, &guess).await?;
            }
            return Err(error);
        }
    };
    let hash = app.passwords.hash(new).await?;

    let transaction = app.db.begin().await?;
    // It may have been changed or reset meanwhile; then the current one is not the current one.
    sessions::confirm(app, &transaction, actor).await?;
    let mut user = users::find_locked(&transaction, user.row.id)
        .await?
        .filter(|now| now.row.password_hash == user.row.password_hash)
        .ok_or(Error::Unauthenticated)?;
    user.row = set(app, &transaction, user.row.id, hash).await?;
    sessions::end_all_of(&transaction, user.row.id, Some(signed_in.session.id)).await?;
    password_resets::void_open(app, &transaction, user.row.id).await?;
    throttle::succeeded(app, &transaction, &guess).await?;
    let notice = give_notice(app, &transaction, actor, &user).await?;
    let action = Action::PasswordChanged;
    events::record(app, &transaction, actor, action, &user, Changes::none()).await?;
    transaction.commit().await?;
    notice.announce(app);
    Ok(user)
}

/// Stores a user's new password.
pub(super) async fn set(
    app: &App,
    transaction: &DatabaseTransaction,
    id: UserId,
    hash: PasswordHash,
) -> Result<user::Model> {
    Ok(user::ActiveModel {
        id: Set(id),
        password_hash: Set(Some(hash)),
        updated_at: Set(app.clock.now()),
        ..Default::default()
    }
    .update(transaction)
    .await?)
}

/// Notifies a user that their password was changed, in case it was not they who changed it.
pub(super) async fn give_notice(
    app: &App,
    transaction: &DatabaseTransaction,
    actor: &Actor,
    user: &User,
) -> Result<Queued> {
    let address = actor.client.ip_address.map(|address| address.to_string());
    let notice = NewEmail {
        letter: Letter::PasswordChanged {
            recipient: &user.display_name(),
            changed_at: app.clock.now(),
            address: address.as_deref(),
        },
        to: &user.address()?,
        priority: Priority::High,
        secret_link: None,
        purpose: Purpose::None,
        expires_at: None,
    };
    emails::queue(app, transaction, notice).await
}

/// How hard a password is to guess. Nothing of it is stored.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// From 0 (trivial to guess) to 4 (very hard to guess).
    pub score: u8,
    /// Why the policy rejects it; `None` if it does not.
    pub refusal: Option<UserError>,
    /// Why it is easy to guess.
    pub warning: Option<String>,
    /// How to make it harder to guess.
    pub suggestions: Vec<String>,
}

/// Scores a password against the policy, for forms that help users choose one.
pub async fn assess(app: &App, password: Password, context: &Context<'_>) -> Result<Assessment> {
    let policy = app.settings.passwords.clone();
    let words = words_of(context, &app.settings.branding.name);
    let judge = move || {
        let estimate = estimate(&password, &words);
        let feedback = estimate.feedback();
        Assessment {
            score: estimate.score().into(),
            refusal: check(&policy, "password", &password, &estimate).err(),
            warning: feedback
                .and_then(|feedback| feedback.warning())
                .map(|warning| warning.to_string()),
            suggestions: feedback
                .map(|feedback| feedback.suggestions())
                .into_iter()
                .flatten()
                .map(ToString::to_string)
                .collect(),
        }
    };
    app.passwords.assessing.run(judge).await
}

fn check(
    policy: &config::Passwords,
    field: &'static str,
    password: &Password,
    estimate: &zxcvbn::Entropy,
) -> std::result::Result<(), UserError> {
    if password.is_too_long() {
        return Err(UserError::new(
            UserErrorCode::TooLong,
            field,
            format!("A password can be at most {MAX_LENGTH} bytes long."),
        ));
    }
    if password.0.chars().count() < policy.min_length {
        return Err(UserError::new(
            UserErrorCode::PasswordTooShort,
            field,
            format!(
                "Choose a password with at least {} characters.",
                policy.min_length
            ),
        ));
    }
    if u8::from(estimate.score()) < policy.min_score {
        return Err(UserError::new(
            UserErrorCode::PasswordTooWeak,
            field,
            advice(estimate),
        ));
    }
    Ok(())
}

fn estimate(password: &Password, words: &[String]) -> zxcvbn::Entropy {
    let scored: String = password.0.chars().take(SCORED_CHARACTERS).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    zxcvbn::zxcvbn(&scored, &words)
}

/// What a guesser would know: the address and its parts, the names, the application's name.
fn words_of(context: &Context<'_>, application: &str) -> Vec<String> {
    let mut words: Vec<String> = [
        context.email,
        context.first_name,
        context.last_name,
        application,
    ]
    .iter()
    .map(|word| word.to_lowercase())
    .collect();
    words.extend(
        context
            .email
            .to_lowercase()
            .split(['@', '.', '-', '_', '+'])
            .map(str::to_owned),
    );
    words.retain(|word| word.chars().count() > 2);
    words
}

fn advice(estimate: &zxcvbn::Entropy) -> String {
    let mut sentences = vec!["This password is easy to guess.".to_owned()];
    if let Some(feedback) = estimate.feedback() {
        sentences.extend(feedback.warning().map(|warning| warning.to_string()));
        sentences.extend(feedback.suggestions().iter().map(ToString::to_string));
    }
    sentences.join(" ")
}

/// The policy, for those who want to check a password before they submit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The minimum length, in characters.
    pub min_length: usize,
    /// The maximum length, in bytes of UTF-8.
    pub max_length: usize,
    /// The minimum zxcvbn score, from 0 to 4.
    pub min_score: u8,
}

/// The policy in force.
pub fn policy(app: &App) -> Policy {
    let settings = &app.settings.passwords;
    Policy {
        min_length: settings.min_length,
        max_length: MAX_LENGTH,
        min_score: settings.min_score.min(Score::Four.into()),
    }
}
