//! Passwords, and how a user changes theirs. What one is stands in `password`, which are accepted in
//! `policy`, and how they are stored in `hasher`.

use entity::email::Priority;
use entity::password_reset;
use entity::user::{self, PasswordHash};
use sea_orm::Set;

use super::actor::Actor;
use super::change::{self, Change};
use super::emails::{NewEmail, Purpose};
use super::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use super::events::Action;
use super::refusals::Refusal;
use super::throttle::{self, Scope};
use super::users::{self, User};
use super::{links, sessions};
use crate::database::update_row;
use crate::domain::app::App;
use crate::email_templates::EmailTemplate;

mod feedback;
pub mod hasher;
pub mod password;
mod policy;
mod pool;

pub use feedback::{Suggestion, Warning};
pub use hasher::PasswordHasher;
pub use password::{Context, MAX_LENGTH, Password};
pub use policy::{Assessment, Policy, assess, hash_new, policy};

/// How often a password is verified at most, where it is changed or hashed anew meanwhile.
pub(super) const MOST_VERIFICATIONS: u32 = 3;

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
    let guess = throttle::attempt(app, actor, Scope::Password, account).await?;
    let is_unchanged = current.0 == new.0;
    let current = current.usable();
    let mut errors = UserErrors::default();
    let mut verified = user.row.password_hash.clone();
    let is_right = verify_guess(app, actor, &current, verified.clone(), &guess).await?;
    if !is_right {
        record_wrong_guess(app, actor, user, guess.delays_the_next).await?;
        errors.push(not_the_current_one());
    }
    let context = user.password_context();
    let new = policy::check_new(app, &actor.client, "newPassword", new, &context).await;
    let new = errors.check_all(new)?;
    if is_right && is_unchanged {
        errors.push(UserError::new(
            UserErrorCode::PasswordUnchanged,
            "newPassword",
            "Choose a password other than the current one.",
        ));
    }
    let new = match errors.finish((new,)) {
        Ok((new,)) => new,
        Err(error) => {
            if is_right {
                throttle::undo(app, &guess).await?;
            }
            return Err(error);
        }
    };
    let hash = app.passwords.hash(&actor.client, new).await?;

    for _ in 0..MOST_VERIFICATIONS {
        match set_unless_changed(app, actor, &verified, &hash, &guess).await? {
            Stored::Done(user) => return Ok(*user),
            Stored::Changed(now) => verified = now,
        }
        if !verify_guess(app, actor, &current, verified.clone(), &guess).await? {
            break;
        }
    }
    record_wrong_guess(app, actor, user, guess.delays_the_next).await?;
    Err(not_the_current_one().into())
}

/// What became of a new password.
enum Stored {
    Done(Box<User>),
    /// The current one was changed or hashed anew while it was being verified: this is its hash now.
    Changed(Option<PasswordHash>),
}

/// Stores the hash of a new password for the actor, whose current one was right for the hash `verified`.
async fn set_unless_changed(
    app: &App,
    actor: &Actor,
    verified: &Option<PasswordHash>,
    hash: &PasswordHash,
    guess: &throttle::Attempt,
) -> Result<Stored> {
    let signed_in = actor.signed_in()?;
    let id = signed_in.user.row.id;
    change::make(app, actor, |mut change| async move {
        change.confirm_and_lock(Some(id)).await?;
        let mut user = users::find_locked(app, change.db(), id)
            .await?
            .ok_or(Error::Unauthenticated)?;
        if user.row.password_hash != *verified {
            return change
                .abandon(Stored::Changed(user.row.password_hash))
                .await;
        }
        user.row = set(&change, user.row, hash.clone()).await?;
        sessions::end_all_of(change.db(), id, Some(signed_in.session.id)).await?;
        links::revoke_open::<password_reset::Entity>(&change, id).await?;
        throttle::succeeded(change.db(), guess).await?;
        throttle::limits::own_change(app, change.db(), id).await?;
        give_notice(&change, &user).await?;
        change.record(Action::PasswordChanged, &user).await?;
        change.commit(Stored::Done(Box::new(user))).await
    })
    .await
}

/// Whether a guess at a password is right. One that could not be looked at does not count.
pub(super) async fn verify_guess(
    app: &App,
    actor: &Actor,
    password: &Password,
    hash: Option<PasswordHash>,
    guess: &throttle::Attempt,
) -> Result<bool> {
    let verified = app
        .passwords
        .verify(&actor.client, password.duplicate(), hash);
    match verified.await {
        Err(error) => {
            throttle::undo(app, guess).await?;
            Err(error)
        }
        matches => matches,
    }
}

fn not_the_current_one() -> UserError {
    UserError::new(
        UserErrorCode::InvalidCredentials,
        "currentPassword",
        "This is not your current password.",
    )
}

/// Records that somebody who uses a session of the user does not know the password: perhaps the
/// session was stolen.
async fn record_wrong_guess(app: &App, actor: &Actor, user: &User, is_delayed: bool) -> Result<()> {
    let now = app.clock.now();
    let is_news = app
        .refusals
        .is_news(user.row.id, Refusal::CurrentPassword, now);
    let refused = is_news.then_some(Action::PasswordChangeRefused);
    let throttled = is_delayed.then_some(Action::SignInThrottled);
    let actions = refused.into_iter().chain(throttled);
    let events: Vec<_> = actions
        .map(|action| (actor.clone(), action, user.into()))
        .collect();
    change::record_apart(app, &events).await
}

/// Stores the new password of a user whose row is locked.
pub(super) async fn set(
    change: &Change<'_>,
    user: user::Model,
    hash: PasswordHash,
) -> Result<user::Model> {
    let changed = user::ActiveModel {
        password_hash: Set(Some(hash)),
        updated_at: Set(change.app().clock.now()),
        ..user.into()
    };
    Ok(update_row(change.db(), changed).await?)
}

/// Notifies a user that their password was changed, in case it was not they who changed it.
pub(super) async fn give_notice(change: &Change<'_>, user: &User) -> Result<()> {
    let address = change.actor().client.ip_address;
    let address = address.map(|address| address.to_string());
    let notice = NewEmail {
        template: EmailTemplate::PasswordChanged {
            recipient: &user.display_name(),
            changed_at: change.app().clock.now(),
            address: address.as_deref(),
        },
        to: &user.address(),
        priority: Priority::High,
        secret_link: None,
        purpose: Purpose::None,
        expires_at: None,
    };
    change.queue(notice).await.map(drop)
}
