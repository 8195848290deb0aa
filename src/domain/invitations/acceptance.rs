//! Accepting an invitation: how an invited user chooses their first password.

use entity::{InvitationId, invitation, user};
use sea_orm::{ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};

use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use crate::domain::events::{self, Action, Changes};
use crate::domain::passwords::{self, Password};
use crate::domain::patch::Patch;
use crate::domain::sessions::{self, NewSession};
use crate::domain::throttle;
use crate::domain::users::{self, DerivedColumns, User};
use crate::domain::{emails, tokens};

/// What the holder of a link may see before they choose a password.
#[derive(Debug)]
pub struct Preview {
    /// The invitation.
    pub invitation: invitation::Model,
    /// The invited user.
    pub user: User,
}

/// The invitation that a token belongs to. Looking it up does not use up the token.
pub async fn preview(app: &App, token: &str) -> Result<Option<Preview>> {
    let db = app.db.read();
    let with_it =
        invitation::Entity::find().filter(invitation::Column::TokenHash.eq(tokens::hash(token)));
    let Some(invitation) = app.db.one(db, with_it).await? else {
        return Ok(None);
    };
    let user = users::find(app, invitation.user_id).await?;
    Ok(user.map(|user| Preview { invitation, user }))
}

/// What an invited person submits.
#[derive(Debug)]
pub struct Acceptance {
    /// The token from the link.
    pub token: String,
    /// The password that they choose.
    pub password: Password,
    /// Overrides the first name given in the invitation.
    pub first_name: Option<String>,
    /// Overrides the last name given in the invitation.
    pub last_name: Option<String>,
}

/// Accepts an invitation: sets the password and begins a session. Of any number of attempts with
/// one token, exactly one succeeds; one that is refused leaves the token usable.
///
/// # Errors
///
/// [`UserErrorCode::TokenInvalid`] or [`TokenExpired`](UserErrorCode::TokenExpired) for `token`,
/// the password policy's errors for `password`, and errors for the names.
pub async fn accept(app: &App, actor: &Actor, acceptance: Acceptance) -> Result<NewSession> {
    let Some(Preview { invitation, user }) = preview(app, &acceptance.token).await? else {
        return Err(token_invalid());
    };
    match invitation.status(app.clock.now()) {
        invitation::Status::Pending => {}
        invitation::Status::Expired => return Err(token_expired()),
        invitation::Status::Accepted | invitation::Status::Revoked => return Err(token_invalid()),
    }
    let mut errors = UserErrors::default();
    let typed = |name: Option<String>| name.map_or(Patch::Keep, Patch::Set);
    let first_name = typed(acceptance.first_name).over(&user.row.first_name, |typed| {
        users::name("firstName", typed)
    });
    let last_name = typed(acceptance.last_name)
        .over(&user.row.last_name, |typed| users::name("lastName", typed));
    let (first_name, last_name) = (errors.check(first_name), errors.check(last_name));
    let hash = passwords::hash_new(
        app,
        &actor.client,
        "password",
        acceptance.password,
        &passwords::Context {
            email: &user.row.email,
            first_name: first_name.as_deref().unwrap_or_default(),
            last_name: last_name.as_deref().unwrap_or_default(),
        },
    )
    .await;
    let hash = match hash {
        Err(Error::Refused(refusal)) => errors.check_all(Err(refusal)),
        hash => Some(hash?),
    };
    let ((first_name, last_name), hash) = errors.finish(first_name.zip(last_name).zip(hash))?;

    let transaction = app.db.begin().await?;
    // Read again: the address or the roles may have changed while the password was hashed. Whoever
    // changes a user and their invitations locks the user first.
    let mut user = users::find_locked(app, &transaction, user.row.id)
        .await?
        .filter(|user| user.row.status() == user::Status::Invited)
        .ok_or_else(token_invalid)?;
    use_up(app, &transaction, invitation.id).await?;
    let derived = DerivedColumns::of(&user.address(), &first_name, &last_name);
    let before = user.row.clone();
    user.row = user::ActiveModel {
        id: Set(user.row.id),
        first_name: Set(first_name),
        last_name: Set(last_name),
        name_key: Set(derived.name_key),
        search_text: Set(derived.search_text),
        password_hash: Set(Some(hash)),
        updated_at: Set(app.clock.now()),
        ..Default::default()
    }
    .update(&transaction)
    .await?;
    emails::end_purpose(app, &transaction, &[invitation.id]).await?;
    throttle::lift(app, &transaction, &user.row.email_normal).await?;
    let session = sessions::begin(app, &transaction, &actor.client, user, true).await?;
    let accepted = Actor::user(session.signed_in.clone(), actor.client.clone());
    let after = &session.signed_in.user;
    let action = Action::InvitationAccepted;
    let changes = Changes::none()
        .field("firstName", before.first_name, after.row.first_name.clone())
        .field("lastName", before.last_name, after.row.last_name.clone());
    events::record(app, &transaction, &accepted, action, after, changes).await?;
    let began = Action::SignedIn;
    events::record(app, &transaction, &accepted, began, after, Changes::none()).await?;
    transaction.commit().await?;
    Ok(session)
}

/// Marks the invitation as accepted if it is still pending: the one place where a race is decided.
async fn use_up(app: &App, transaction: &DatabaseTransaction, id: InvitationId) -> Result<()> {
    let now = app.clock.now();
    let used = invitation::Entity::update_many()
        .set(invitation::ActiveModel {
            accepted_at: Set(Some(now)),
            ..Default::default()
        })
        .filter(invitation::Column::Id.eq(id))
        .filter(invitation::Column::AcceptedAt.is_null())
        .filter(invitation::Column::RevokedAt.is_null())
        .filter(invitation::Column::ExpiresAt.gt(now))
        .exec(transaction)
        .await?;
    match used.rows_affected {
        1 => Ok(()),
        _ => Err(token_invalid()),
    }
}

fn token_invalid() -> Error {
    UserError::new(
        UserErrorCode::TokenInvalid,
        "token",
        "This link is invalid or has already been used. Ask for a new invitation.",
    )
    .into()
}

fn token_expired() -> Error {
    UserError::new(
        UserErrorCode::TokenExpired,
        "token",
        "This link has expired. Ask for a new invitation.",
    )
    .into()
}
