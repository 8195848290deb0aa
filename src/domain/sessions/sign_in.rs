//! Signing in with a password.

use entity::user;
use sea_orm::Set;

use super::{NewSession, begin};
use crate::database::update_row;
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::error::{Error, Result, UserError, UserErrorCode};
use crate::domain::events::{Action, Subject};
use crate::domain::passwords::{self, MOST_VERIFICATIONS, Password};
use crate::domain::throttle::{self, Scope};
use crate::domain::users::{self, User};
use crate::domain::{EmailAddress, change, email_address};
use crate::metrics::SignIn;

/// Begins a session for a user who knows their password.
///
/// # Errors
///
/// [`UserErrorCode::InvalidCredentials`], in the same words and after the same work for an address
/// that is unknown, invited or deactivated and for a wrong password.
pub async fn sign_in(
    app: &App,
    actor: &Actor,
    email: &str,
    password: Password,
    is_kept: bool,
) -> Result<NewSession> {
    let outcome = try_to_sign_in(app, actor, email, password, is_kept).await;
    app.metrics.signed_in(counted_as(&outcome));
    outcome
}

/// What operators count a sign-in as.
fn counted_as(outcome: &Result<NewSession>) -> SignIn {
    let is_throttled = |error: &UserError| error.code == UserErrorCode::TooManyAttempts;
    match outcome {
        Ok(_) => SignIn::Succeeded,
        Err(Error::Refused(errors)) if errors.iter().any(is_throttled) => SignIn::Throttled,
        Err(Error::Refused(_)) => SignIn::Failed,
        Err(Error::Busy { .. }) => SignIn::Busy,
        Err(_) => SignIn::Error,
    }
}

async fn try_to_sign_in(
    app: &App,
    actor: &Actor,
    email: &str,
    password: Password,
    is_kept: bool,
) -> Result<NewSession> {
    let address = EmailAddress::parse(email).ok();
    let account = email_address::account(email);
    let guess = throttle::attempt(app, actor, Scope::Password, &account).await?;
    let password = password.usable();
    let mut known = users::find_by_email(app, app.db.read(), &account).await?;
    for _ in 0..MOST_VERIFICATIONS {
        let candidate = known.clone().filter(may_sign_in);
        let hash = candidate
            .as_ref()
            .and_then(|user| user.row.password_hash.clone());
        let matches = passwords::verify_guess(app, actor, &password, hash, &guess).await?;
        let (Some(user), true) = (candidate, matches) else {
            break;
        };
        match begin_unless_changed(app, actor, &user, &password, &guess, is_kept).await? {
            Begun::Session(session) => return Ok(*session),
            Begun::Changed(now) => known = now.map(|user| *user),
        }
    }
    let subject = match (&known, &address) {
        (Some(user), _) => Subject::from(user),
        (None, Some(address)) => Subject::labelled(address.normal()),
        (None, None) => Subject::none(),
    };
    Err(refused(app, actor, subject, &guess).await?)
}

fn may_sign_in(user: &User) -> bool {
    user.row.status() == user::Status::Active
}

/// What became of the session of somebody who has proved who they are.
enum Begun {
    Session(Box<NewSession>),
    /// The user was deleted or deactivated, or the password was changed or hashed anew, while it was being
    /// verified: this is the user now.
    Changed(Option<Box<User>>),
}

/// Begins a session for the user, whose password was right for the hash in `proved`.
async fn begin_unless_changed(
    app: &App,
    actor: &Actor,
    proved: &User,
    password: &Password,
    guess: &throttle::Attempt,
    is_kept: bool,
) -> Result<Begun> {
    let hash = &proved.row.password_hash;
    let rehashed = match hash {
        Some(hash) if app.passwords.is_outdated(hash) => {
            let password = password.duplicate();
            Some(app.passwords.hash(&actor.client, password).await?)
        }
        _ => None,
    };
    let rehashed = &rehashed;
    change::make(app, actor, |mut change| async move {
        let now = users::find_locked(app, change.db(), proved.row.id).await?;
        let is_as_before = |now: &User| may_sign_in(now) && now.row.password_hash == *hash;
        let user = match now {
            Some(now) if is_as_before(&now) => now,
            now => return change.abandon(Begun::Changed(now.map(Box::new))).await,
        };
        if rehashed.is_some() {
            let changed = user::ActiveModel {
                password_hash: Set(rehashed.clone()),
                ..user.row.clone().into()
            };
            update_row(change.db(), changed).await?;
        }
        let session = begin(&mut change, user, is_kept).await?;
        throttle::succeeded(change.db(), guess).await?;
        change
            .record(Action::SignedIn, &session.signed_in.user)
            .await?;
        change.commit(Begun::Session(Box::new(session))).await
    })
    .await
}

/// Records that a password was wrong.
async fn refused(
    app: &App,
    actor: &Actor,
    subject: Subject,
    guess: &throttle::Attempt,
) -> Result<Error> {
    let throttled = guess.delays_the_next.then_some(Action::SignInThrottled);
    let events: Vec<_> = [Action::SignInFailed]
        .into_iter()
        .chain(throttled)
        .map(|action| (actor.clone(), action, subject.clone()))
        .collect();
    change::record_apart(app, &events).await?;
    Ok(UserError::new(
        UserErrorCode::InvalidCredentials,
        None,
        "Incorrect e-mail address or password.",
    )
    .into())
}
