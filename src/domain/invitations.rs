//! Invitations: how somebody becomes a user.

use entity::email::Priority;
use entity::{InvitationId, RoleId, UserId, invitation, user};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, Set, SqlErr,
};

use super::actor::Actor;
use super::emails::{self, NewEmail, Purpose, Queued};
use super::error::{Error, Result, UserErrors};
use super::events::{self, Action, Changes};
use super::sessions;
use super::tokens::Token;
use super::users::policy::{self, UserAction};
use super::users::{self, DerivedColumns, User};
use super::{EmailAddress, email_address, roles};
use crate::app::App;
use crate::letters::Letter;

mod acceptance;
mod retention;

pub use acceptance::{Acceptance, Preview, accept, preview};
pub use retention::prune;

/// A person to invite.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Their address, as it was entered.
    pub email: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// The roles that they are to hold; `None` stands for an ID that is not a role's.
    pub role_ids: Vec<Option<RoleId>>,
}

/// A user who has just been invited.
#[derive(Debug)]
pub struct Invited {
    /// The user.
    pub user: User,
    /// Their invitation.
    pub invitation: invitation::Model,
    /// The link, for those who may pass it on themselves.
    pub link: String,
}

/// Invites a person: creates the user, the invitation and the e-mail, all or nothing.
///
/// # Errors
///
/// For `email`, `firstName`, `lastName` and `roleIds`: required, too long, invalid, taken, not
/// found, or a role that grants more than the actor holds; and those of [`emails::queue`].
pub async fn invite(app: &App, actor: &Actor, new: NewUser) -> Result<Invited> {
    let mut errors = UserErrors::default();
    let email = errors.check(email_address::read("email", &new.email));
    let first_name = errors.check(users::name("firstName", &new.first_name));
    let last_name = errors.check(users::name("lastName", &new.last_name));
    let transaction = app.db.begin().await?;
    let actor = &sessions::confirm(app, &transaction, actor).await?;
    // What the roles grant, and whether the actor has it, is decided by what is true now.
    let role_ids =
        errors.check_all(roles::assignable(app, &transaction, actor, &new.role_ids).await?);
    if let Some(email) = &email
        && users::find_by_email(app, &transaction, email.normal())
            .await?
            .is_some()
    {
        errors.push(users::email_taken());
    }
    let (((email, first_name), last_name), role_ids) =
        errors.finish(email.zip(first_name).zip(last_name).zip(role_ids))?;

    let row = new_user(app, &email, first_name, last_name);
    insert(&transaction, &row).await?;
    let granted = roles::assign(app, &transaction, actor, row.id, &role_ids).await?;
    let user = User { row, role_ids };
    let changes = Changes::none()
        .field("email", None, user.row.email.clone())
        .field("roles", None, roles::names(&granted, &user.role_ids));
    events::record(
        app,
        &transaction,
        actor,
        Action::UserInvited,
        &user,
        changes,
    )
    .await?;
    let (invited, queued) = send(app, actor, &transaction, user).await?;
    transaction.commit().await?;
    queued.announce(app);
    Ok(invited)
}

/// Creates and invites a user with these roles on the server's own behalf; if they are already
/// invited, they get a new link. For the first administrator, whom nobody else can invite.
pub async fn invite_by_server(
    app: &App,
    transaction: &DatabaseTransaction,
    email: &EmailAddress,
    role: RoleId,
) -> Result<(Invited, Queued)> {
    let known = match users::find_by_email(app, transaction, email.normal()).await? {
        Some(user) => users::find_locked(app, transaction, user.row.id).await?,
        None => None,
    };
    let is_new = known.is_none();
    let mut user = match known {
        Some(user) => user,
        None => {
            let row = new_user(app, email, String::new(), String::new());
            insert(transaction, &row).await?;
            User {
                row,
                role_ids: Vec::new(),
            }
        }
    };
    let held_before = user.role_ids.contains(&role);
    if !held_before {
        users::add_roles(transaction, user.row.id, [role]).await?;
        user.role_ids.push(role);
    }
    void_open(app, transaction, user.row.id).await?;
    let server = Actor::server();
    let action = match is_new {
        true => Action::UserInvited,
        false => Action::InvitationResent,
    };
    let changes = match held_before {
        true => Changes::none(),
        false => Changes::none().field("roles", None, roles::ADMINISTRATOR.to_owned()),
    };
    events::record(app, transaction, &server, action, &user, changes).await?;
    send(app, &server, transaction, user).await
}

fn new_user(app: &App, email: &EmailAddress, first_name: String, last_name: String) -> user::Model {
    let now = app.clock.now();
    let derived = DerivedColumns::of(email, &first_name, &last_name);
    user::Model {
        id: app.new_id(),
        email: email.as_typed().to_owned(),
        email_normal: email.normal().to_owned(),
        first_name,
        last_name,
        name_key: derived.name_key,
        search_text: derived.search_text,
        password_hash: None,
        deactivated_at: None,
        created_at: now,
        updated_at: now,
        last_signed_in_at: entity::TimeOrNever::NEVER,
    }
}

async fn insert(transaction: &DatabaseTransaction, row: &user::Model) -> Result<()> {
    user::ActiveModel::from(row.clone())
        .reset_all()
        .insert(transaction)
        .await
        .map(drop)
        .map_err(|error| match error.sql_err() {
            // Somebody else was invited with this address a moment ago.
            Some(SqlErr::UniqueConstraintViolation(_)) => users::email_taken().into(),
            _ => error.into(),
        })
}

/// Creates the invitation and its e-mail.
async fn send(
    app: &App,
    actor: &Actor,
    transaction: &DatabaseTransaction,
    user: User,
) -> Result<(Invited, Queued)> {
    let now = app.clock.now();
    let token = Token::generate()?;
    let invitation = invitation::Model {
        id: app.new_id(),
        user_id: user.row.id,
        email: user.row.email.clone(),
        invited_by: actor.user_id(),
        token_hash: token.hash(),
        created_at: now,
        expires_at: now.after(app.settings.invitations.valid_for),
        accepted_at: None,
        revoked_at: None,
    };
    invitation::ActiveModel::from(invitation.clone())
        .reset_all()
        .insert(transaction)
        .await?;
    let link = app.link(&app.settings.links.invitation, &token);
    let inviter = actor
        .signed_in()
        .ok()
        .map(|inviter| inviter.user.display_name());
    let queued = emails::queue(
        app,
        transaction,
        actor,
        NewEmail {
            letter: Letter::Invitation {
                recipient: &user.display_name(),
                inviter: inviter.as_deref(),
                expires_at: invitation.expires_at,
            },
            to: &user.address(),
            priority: Priority::Normal,
            secret_link: Some(link.clone()),
            purpose: Purpose::Invitation(invitation.id),
            expires_at: Some(invitation.expires_at),
        },
    )
    .await?;
    let invited = Invited {
        user,
        invitation,
        link,
    };
    Ok((invited, queued))
}

/// Sends an invited user a new link, even if the previous one has expired or was revoked. The
/// previous link stops working.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::ResendInvitation`], and of [`emails::queue`].
pub async fn resend(app: &App, actor: &Actor, id: Option<UserId>) -> Result<invitation::Model> {
    let transaction = app.db.begin().await?;
    let allowed = UserAction::ResendInvitation;
    let (ref actor, user) = policy::find_for(app, &transaction, actor, id, allowed).await?;
    void_open(app, &transaction, user.row.id).await?;
    let action = Action::InvitationResent;
    events::record(app, &transaction, actor, action, &user, Changes::none()).await?;
    let (invited, queued) = send(app, actor, &transaction, user).await?;
    transaction.commit().await?;
    queued.announce(app);
    Ok(invited.invitation)
}

/// Sends these users a new link if they have one that works, because they are to be allowed more than
/// when it was sent: whoever was shown it then, in the queue, could grant all that it was worth, and
/// must not come by more.
pub async fn renew(
    app: &App,
    actor: &Actor,
    transaction: &DatabaseTransaction,
    users: &[UserId],
) -> Result<Vec<Queued>> {
    let now = app.clock.now();
    let mut queued = Vec::new();
    for newest in newest_of(app, transaction, users).await? {
        if newest.status(now) != invitation::Status::Pending {
            continue;
        }
        // Nobody accepts it from here on.
        let user = users::find_locked(app, transaction, newest.user_id).await?;
        let is_invited = |user: &User| user.row.status() == user::Status::Invited;
        let Some(user) = user.filter(is_invited) else {
            continue;
        };
        void_open(app, transaction, user.row.id).await?;
        let action = Action::InvitationResent;
        events::record(app, transaction, actor, action, &user, Changes::none()).await?;
        let (_, letter) = send(app, actor, transaction, user).await?;
        queued.push(letter);
    }
    Ok(queued)
}

/// Revokes an open invitation: its link stops working, and if its e-mail is still queued, it is
/// cancelled.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::RevokeInvitation`].
pub async fn revoke(app: &App, actor: &Actor, id: Option<UserId>) -> Result<invitation::Model> {
    let transaction = app.db.begin().await?;
    let allowed = UserAction::RevokeInvitation;
    let (ref actor, user) = policy::find_for(app, &transaction, actor, id, allowed).await?;
    void_open(app, &transaction, user.row.id).await?;
    let action = Action::InvitationRevoked;
    events::record(app, &transaction, actor, action, &user, Changes::none()).await?;
    let newest = newest_of(app, &transaction, &[user.row.id]).await?.pop();
    transaction.commit().await?;
    newest.ok_or_else(|| Error::internal("an open invitation that is not there"))
}

/// Revokes any links of the user that still work, and ends the purpose of their e-mails.
pub async fn void_open(app: &App, transaction: &DatabaseTransaction, user: UserId) -> Result<()> {
    let open = invitation::Entity::find()
        .filter(invitation::Column::UserId.eq(user))
        .filter(invitation::Column::AcceptedAt.is_null())
        .filter(invitation::Column::RevokedAt.is_null());
    let open: Vec<InvitationId> = (app.db.all(transaction, open).await?)
        .into_iter()
        .map(|invitation| invitation.id)
        .collect();
    invitation::Entity::update_many()
        .set(invitation::ActiveModel {
            revoked_at: Set(Some(app.clock.now())),
            ..Default::default()
        })
        .filter(invitation::Column::Id.is_in(open.iter().copied()))
        .filter(invitation::Column::AcceptedAt.is_null())
        .exec(transaction)
        .await?;
    emails::end_purpose(app, transaction, &open).await
}

/// One invitation.
pub async fn find(app: &App, id: InvitationId) -> Result<Option<invitation::Model>> {
    let found = invitation::Entity::find_by_id(id);
    Ok(app.db.one(app.db.read(), found).await?)
}

/// The newest invitation of each of these users, with one query.
pub async fn newest_of(
    app: &App,
    db: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<Vec<invitation::Model>> {
    let mut newest: Vec<invitation::Model> = Vec::new();
    let all = invitation::Entity::find()
        .filter(invitation::Column::UserId.is_in(users.iter().copied()))
        .order_by_asc(invitation::Column::UserId)
        .order_by_desc(invitation::Column::CreatedAt)
        .order_by_desc(invitation::Column::Id);
    for invitation in app.db.all(db, all).await? {
        if newest.last().map(|last| last.user_id) != Some(invitation.user_id) {
            newest.push(invitation);
        }
    }
    Ok(newest)
}
