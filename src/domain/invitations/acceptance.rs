//! Accepting an invitation: how an invited user chooses their first password.

use entity::{invitation, user};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::terms;
use crate::database::update_row;
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::change;
use crate::domain::error::{Result, UserErrors};
use crate::domain::events::{Action, Changes};
use crate::domain::passwords::{self, Password};
use crate::domain::patch::Patch;
use crate::domain::sessions::{self, NewSession};
use crate::domain::users::{self, DerivedColumns, User};
use crate::domain::{links, throttle, tokens};

/// What the holder of a link may see before they choose a password.
#[derive(Debug)]
pub struct Preview {
    /// In whatever state.
    pub invitation: invitation::Model,
    /// Whom it was sent to.
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

/// Whom a token's link was sent to, as long as it works.
pub async fn pending_user(app: &App, token: &str) -> Result<Option<User>> {
    let now = app.clock.now();
    let found = preview(app, token).await?;
    let pending = found.filter(|found| found.invitation.status(now) == invitation::Status::Pending);
    Ok(pending.map(|found| found.user))
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

/// Who has accepted an invitation.
#[derive(Debug)]
pub struct Accepted {
    /// With which they go on.
    pub session: NewSession,
    /// Where the invitation leads them, if it leads anywhere.
    pub redirect_url: Option<String>,
}

/// Accepts an invitation: sets the password and begins a session. Of any number of attempts with
/// one token, exactly one succeeds; one that is refused leaves the token usable.
///
/// # Errors
///
/// [`links::invalid`] or [`links::expired`],
/// the password policy's errors for `password`, and errors for the names.
pub async fn accept(app: &App, actor: &Actor, acceptance: Acceptance) -> Result<Accepted> {
    let Some(Preview { invitation, user }) = &preview(app, &acceptance.token).await? else {
        return Err(links::invalid::<invitation::Entity>());
    };
    match invitation.status(app.clock.now()) {
        invitation::Status::Pending => {}
        invitation::Status::Expired => return Err(links::expired::<invitation::Entity>()),
        invitation::Status::Accepted | invitation::Status::Revoked => {
            return Err(links::invalid::<invitation::Entity>());
        }
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
    let hash = errors.check_all(hash)?;
    let (first_name, last_name, hash) = errors.finish((first_name, last_name, hash))?;

    let (first_name, last_name, hash) = (&first_name, &last_name, &hash);
    change::make(app, actor, |mut change| async move {
        // Read again: the address or the roles may have changed while the password was hashed. Whoever
        // changes a user and their invitations locks the user first.
        let mut user = users::find_locked(app, change.db(), user.row.id)
            .await?
            .filter(|user| user.row.status() == user::Status::Invited)
            .ok_or_else(links::invalid::<invitation::Entity>)?;
        links::use_up::<invitation::Entity>(&change, invitation.id).await?;
        let derived = DerivedColumns::of(&user.address(), first_name, last_name);
        let before = user.row.clone();
        let changed = user::ActiveModel {
            first_name: Set(first_name.clone()),
            last_name: Set(last_name.clone()),
            name_key: Set(derived.name_key),
            search_text: Set(derived.search_text),
            password_hash: Set(Some(hash.clone())),
            updated_at: Set(app.clock.now()),
            ..user.row.into()
        };
        user.row = update_row(change.db(), changed).await?;
        throttle::unblock(app, change.db(), &user.row.email_normal).await?;
        let session = sessions::begin(&mut change, user, true).await?;
        let after = &session.signed_in.user;
        let changes = Changes::none()
            .field("firstName", before.first_name, after.row.first_name.clone())
            .field("lastName", before.last_name, after.row.last_name.clone());
        let action = Action::InvitationAccepted;
        change.record_with(action, after, changes).await?;
        change.record(Action::SignedIn, after).await?;
        let redirect_url = terms::redirect_of(app, invitation);
        let accepted = Accepted {
            session,
            redirect_url,
        };
        change.commit(accepted).await
    })
    .await
}
