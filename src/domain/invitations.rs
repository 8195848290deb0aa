//! Invitations: how somebody becomes a user.

use std::collections::HashMap;

use entity::email::Priority;
use entity::{InvitationId, RoleId, UserId, invitation, user};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;

use super::actor::Actor;
use super::change::{self, Change};
use super::emails::{NewEmail, Purpose};
use super::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use super::events::{Action, Changes};
use super::idempotency_keys::{self, Key, Operation};
use super::links::address::SecretLink;
use super::roles::Chosen;
use super::tokens::Token;
use super::users::policy::{self, UserAction};
use super::users::{self, DerivedColumns, RowLock, User};
use super::{EmailAddress, email_address, links, roles};
use crate::database::{Source, Write, is_duplicate};
use crate::domain::app::App;
use crate::email_templates::EmailTemplate;

mod acceptance;
mod listing;
pub mod many;
pub mod newest;
mod repetition;
mod retention;
mod subject;
pub mod terms;

pub use acceptance::{Acceptance, Accepted, Preview, accept, pending_user, preview};
pub use listing::{InvitationFilter, InvitationOrderField, count, matching, page};
pub use newest::newest_of;
pub use retention::prune;
pub use subject::Subject;
pub use terms::Wishes;

use repetition::Sent;
use terms::Terms;

/// A person to invite.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewUser {
    /// Their address, as it was entered.
    pub email: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// The roles that they are to hold; `None` stands for an ID that is not a role's.
    pub role_ids: Vec<Option<RoleId>>,
    /// Further ones, by their code names as they were typed.
    pub role_code_names: Vec<String>,
    /// What is special about their invitation.
    pub wishes: Wishes,
}

impl NewUser {
    fn chosen_roles(&self) -> Chosen<'_> {
        Chosen {
            ids: &self.role_ids,
            code_names: &self.role_code_names,
        }
    }
}

/// A user who has just been invited.
#[derive(Debug)]
pub struct Invited {
    /// In the state invited, with the roles that they were given.
    pub user: User,
    /// Pending from now on.
    pub invitation: invitation::Model,
    /// The link, for those who may pass it on themselves; none, if they were invited before.
    pub link: Option<String>,
    /// Whether it was sent by e-mail. Otherwise, whoever invites them is shown the link, and may see it.
    pub is_sent: bool,
}

/// Invites a person: creates the user, the invitation and the e-mail, all or nothing. With an idempotency key
/// they are invited once, and whoever comes again is told how it stands.
///
/// # Errors
///
/// Those of [`Key::read`] and [`Key::take`]; for `email`, `firstName`, `lastName` and `roleIds`: required, too long, invalid, taken, not
/// found, or a role that grants more than the actor holds; and those of [`Change::queue`].
pub async fn invite(app: &App, actor: &Actor, new: NewUser, key: Option<&str>) -> Result<Invited> {
    let new = &new;
    change::make(app, actor, |mut change| async move {
        change.confirm().await?;
        let mut errors = UserErrors::default();
        let key = errors.check_all(Key::read(Operation::InviteUser, key, new))?;
        let key = key.flatten();
        let sent: Option<Sent> = idempotency_keys::take(&change, key.as_ref()).await?;
        if let Some(sent) = sent {
            let invited = sent.read(&change).await?;
            return change.commit(invited).await;
        }
        let email = errors.check(email_address::read("email", &new.email));
        let first_name = errors.check(users::name("firstName", &new.first_name));
        let last_name = errors.check(users::name("lastName", &new.last_name));
        let terms = Terms::read(app, change.actor(), &new.wishes, &mut errors);
        // What the roles grant, and whether the actor has it, is decided by what is true now.
        let role_ids = errors.check_all(roles::assignable(&change, new.chosen_roles()).await)?;
        if let Some(email) = &email
            && users::find_by_email(app, change.db(), email.normal())
                .await?
                .is_some()
        {
            errors.push(users::email_taken());
        }
        let (email, first_name, last_name, role_ids) =
            errors.finish((email, first_name, last_name, role_ids))?;

        let row = insert(&change, &email, first_name, last_name).await?;
        let granted = roles::assign(&change, row.id, &role_ids).await?;
        let user = User { row, role_ids };
        let changes = Changes::none()
            .field("email", None, user.row.email.clone())
            .list("roles", &[], &roles::names(&granted, &user.role_ids));
        change
            .record_with(Action::UserInvited, &user, changes)
            .await?;
        let invited = send(&change, user, terms).await?;
        idempotency_keys::store(&change, key.as_ref(), &Sent::from(&invited)).await?;
        change.commit(invited).await
    })
    .await
}

/// Creates and invites a user with these roles on the server's own behalf; if they are already
/// invited, they get a new link. For the first administrator, whom nobody else can invite.
pub async fn invite_by_server(
    change: &Change<'_>,
    email: &EmailAddress,
    role: RoleId,
) -> Result<Invited> {
    let known = users::find_by_email_locked(change.app(), change.db(), email.normal()).await?;
    let action = match known {
        Some(_) => Action::InvitationResent,
        None => Action::UserInvited,
    };
    let mut user = match known {
        Some(user) => user,
        None => User {
            row: insert(change, email, String::new(), String::new()).await?,
            role_ids: Vec::new(),
        },
    };
    let mut changes = Changes::none();
    if !user.role_ids.contains(&role) {
        users::add_roles(change.db(), user.row.id, [role]).await?;
        users::touch(change, [user.row.id]).await?;
        user.role_ids.push(role);
        changes = changes.list("roles", &[], &[roles::ADMINISTRATOR.to_owned()]);
    }
    revoke_open(change, user.row.id).await?;
    change.record_with(action, &user, changes).await?;
    send(change, user, Terms::usual(change.app())).await
}

async fn insert(
    change: &Change<'_>,
    email: &EmailAddress,
    first_name: String,
    last_name: String,
) -> Result<user::Model> {
    let row = new_row(change.app(), email, first_name, last_name);
    user::Entity::insert(user::ActiveModel::from(row.clone()).reset_all())
        .write(change.db())
        .await
        .map_err(|error| {
            if is_duplicate(&error) {
                // Somebody else was invited with this address a moment ago.
                users::email_taken().into()
            } else {
                Error::from(error)
            }
        })?;
    Ok(row)
}

fn new_row(app: &App, email: &EmailAddress, first_name: String, last_name: String) -> user::Model {
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

/// Creates the invitation and its e-mail.
async fn send(change: &Change<'_>, user: User, terms: Terms) -> Result<Invited> {
    only(send_all(change, vec![(user, terms)]).await?)
}

/// Creates the invitations of these users, a few dozen at most, and their e-mails, unless one of them has
/// been sent too many.
async fn send_all(change: &Change<'_>, users: Vec<(User, Terms)>) -> Result<Vec<Invited>> {
    let to_count: Vec<_> = users.iter().map(|(user, terms)| (user, terms)).collect();
    for counted in count_each(change, &to_count).await? {
        counted?;
    }
    send_counted(change, users).await
}

fn only(sent: Vec<Invited>) -> Result<Invited> {
    let sent = sent.into_iter().next();
    sent.ok_or_else(|| Error::internal("an invitation was not sent"))
}

/// Counts the e-mails of invitations that are about to be sent to different users, a few dozen at most, and
/// returns of each whether it may be.
async fn count_each(change: &Change<'_>, new: &[(&User, &Terms)]) -> Result<Vec<Result<()>>> {
    let now = change.app().clock.now();
    let template = EmailTemplate::Invitation {
        recipient: "",
        inviter: None,
        message: None,
        expires_at: now,
    };
    let sent = new.iter().filter(|(_, terms)| terms.is_sent);
    let sent = sent.map(|(user, terms)| (user.address(), now.after(terms.valid_for)));
    let sent: Vec<_> = sent.collect();
    let mut counted = change.count_emails(&template, &sent).await?.into_iter();
    let of_each = |(_, terms): &(&User, &Terms)| {
        let own = if terms.is_sent { counted.next() } else { None };
        own.unwrap_or(Ok(()))
    };
    Ok(new.iter().map(of_each).collect())
}

/// Creates the invitations of these users, a few dozen at most, and their e-mails, which were counted.
async fn send_counted(change: &Change<'_>, users: Vec<(User, Terms)>) -> Result<Vec<Invited>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let inviter = change.actor().signed_in().ok();
    let inviter = inviter.map(|inviter| inviter.user.display_name());
    let drafts: Vec<Draft> = users
        .into_iter()
        .map(|(user, terms)| Draft::new(change, user, terms))
        .collect::<Result<_>>()?;
    let rows = drafts.iter().map(|draft| draft.invitation.clone());
    let rows = rows.map(|row| invitation::ActiveModel::from(row).reset_all());
    invitation::Entity::insert_many(rows)
        .write(change.db())
        .await?;
    let sent = drafts.iter().filter(|draft| draft.terms.is_sent);
    let emails = sent.map(|draft| draft.email(inviter.as_deref()));
    change.queue_counted(emails).await?;
    let shown = drafts.iter().filter(|draft| !draft.terms.is_sent);
    let shown = shown.map(|draft| ((&draft.user).into(), Changes::none()));
    let shown: Vec<_> = shown.collect();
    change.record_all(Action::LinkShown, shown).await?;
    let sent = drafts.into_iter().map(|draft| Invited {
        user: draft.user,
        invitation: draft.invitation,
        link: Some(draft.link.url),
        is_sent: draft.terms.is_sent,
    });
    Ok(sent.collect())
}

/// An invitation that is not stored yet.
struct Draft {
    user: User,
    recipient: String,
    address: EmailAddress,
    invitation: invitation::Model,
    link: SecretLink,
    terms: Terms,
}

impl Draft {
    fn new(change: &Change<'_>, user: User, terms: Terms) -> Result<Self> {
        let app = change.app();
        let token = Token::generate()?;
        let invitation = invitation::Model {
            id: app.new_id(),
            user_id: user.row.id,
            email: user.row.email.clone(),
            invited_by: change.actor().user_id(),
            token_hash: token.hash(),
            created_at: app.clock.now(),
            expires_at: app.clock.now().after(terms.valid_for),
            accepted_at: None,
            revoked_at: None,
            redirect_url: terms.redirect_url.clone(),
        };
        Ok(Self {
            recipient: user.display_name(),
            address: user.address(),
            user,
            invitation,
            link: SecretLink::of_invitation(app, &token),
            terms,
        })
    }

    fn email<'a>(&'a self, inviter: Option<&'a str>) -> NewEmail<'a> {
        NewEmail {
            template: EmailTemplate::Invitation {
                recipient: &self.recipient,
                inviter,
                message: self.terms.message.as_deref(),
                expires_at: self.invitation.expires_at,
            },
            to: &self.address,
            priority: Priority::Normal,
            secret_link: Some(self.link.clone()),
            purpose: Purpose::Invitation(self.invitation.id),
            expires_at: Some(self.invitation.expires_at),
        }
    }
}

/// Sends an invited user a new link, even if the previous one has expired or was revoked. The
/// previous link stops working; the new one leads where it did.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::ResendInvitation`], and of [`Change::queue`]; for
/// `invitationId`: invalid, not found.
pub async fn resend(app: &App, actor: &Actor, subject: Subject) -> Result<Invited> {
    let id = subject.user(app).await?;
    let resent = change::make(app, actor, |mut change| async move {
        let user = policy::find_for(&mut change, id, UserAction::ResendInvitation).await?;
        let newest = newest_of(app, change.db(), &[user.row.id]).await?.pop();
        let sent = only(send_again(&change, vec![(user, newest)]).await?)?;
        change.commit(sent).await
    });
    resent.await.map_err(|error| subject.explain(error))
}

/// Sends these users, a few dozen at most, a new link that leads where the one before it did.
async fn send_again(
    change: &Change<'_>,
    users: Vec<(User, Option<invitation::Model>)>,
) -> Result<Vec<Invited>> {
    let ids: Vec<UserId> = users.iter().map(|(user, _)| user.row.id).collect();
    links::revoke_open_of::<invitation::Entity>(change, &ids).await?;
    let resent = users.iter();
    let resent = resent.map(|(user, _)| (user.into(), Changes::none()));
    let resent: Vec<_> = resent.collect();
    change.record_all(Action::InvitationResent, resent).await?;
    let usual = Terms::usual(change.app());
    let users = users.into_iter().map(|(user, before)| {
        let terms = Terms {
            redirect_url: before.and_then(|before| before.redirect_url),
            ..usual.clone()
        };
        (user, terms)
    });
    send_all(change, users.collect()).await
}

/// How many users are sent a new link with the same statements.
const RENEWED_AT_ONCE: usize = 50;

/// Sends these users a new link if they have one that works, because they are to be allowed more than
/// when it was sent: whoever was shown it then, in the queue, could grant all that it was worth, and
/// must not come by more. Returns how many were sent one.
pub async fn renew(change: &Change<'_>, users: &[UserId]) -> Result<u64> {
    let (app, db) = (change.app(), change.db());
    let now = app.clock.now();
    let mut renewed = 0;
    let mut users = users.to_vec();
    users.sort_by_key(|id| id.0);
    for some in users.chunks(RENEWED_AT_ONCE) {
        // From here on nobody accepts an invitation, or is sent another: whoever does that locks the user
        // first.
        let locks = some.iter().map(|id| (*id, RowLock::Exclusive));
        users::lock(db, locks.collect()).await?;
        let newest = newest_of(app, db, some).await?.into_iter();
        let pending = newest.filter(|newest| newest.status(now) == invitation::Status::Pending);
        let mut pending: HashMap<UserId, invitation::Model> =
            pending.map(|newest| (newest.user_id, newest)).collect();
        let invited = users::find_all_in(app, db, pending.keys().copied()).await?;
        let invited = invited
            .into_iter()
            .filter(|user| user.row.status() == user::Status::Invited)
            .map(|user| {
                let before = pending.remove(&user.row.id);
                (user, before)
            });
        let invited: Vec<_> = invited.collect();
        if !invited.is_empty() {
            renewed += send_again(change, invited).await?.len() as u64;
        }
    }
    Ok(renewed)
}

/// Revokes an open invitation: its link stops working, and if its e-mail is still queued, it is
/// cancelled.
///
/// # Errors
///
/// Those of [`policy::find_for`] for [`UserAction::RevokeInvitation`]; for `invitationId`: invalid, not
/// found, and [`WrongState`](UserErrorCode::WrongState) for one that a newer one has replaced.
pub async fn revoke(
    app: &App,
    actor: &Actor,
    subject: Subject,
) -> Result<(invitation::Model, User)> {
    let id = subject.user(app).await?;
    let revoked = change::make(app, actor, |mut change| async move {
        let user = policy::find_for(&mut change, id, UserAction::RevokeInvitation).await?;
        revoke_open(&change, user.row.id).await?;
        let newest = newest_of(app, change.db(), &[user.row.id]).await?.pop();
        let newest =
            newest.ok_or_else(|| Error::internal("an open invitation that is not there"))?;
        if matches!(subject, Subject::Invitation(Some(id)) if id != newest.id) {
            let message = "A newer invitation has replaced this one.";
            return Err(UserError::new(UserErrorCode::WrongState, "invitationId", message).into());
        }
        change.record(Action::InvitationRevoked, &user).await?;
        change.commit((newest, user)).await
    });
    revoked.await.map_err(|error| subject.explain(error))
}

/// Revokes any links of the user that still work.
pub async fn revoke_open(change: &Change<'_>, user: UserId) -> Result<()> {
    links::revoke_open::<invitation::Entity>(change, user).await
}

/// One invitation.
pub async fn find(app: &App, id: InvitationId) -> Result<Option<invitation::Model>> {
    Ok(find_all(app, [id]).await?.pop())
}

/// The invitations with these IDs, in no order, with one query for all of them.
pub async fn find_all(
    app: &App,
    ids: impl IntoIterator<Item = InvitationId>,
) -> Result<Vec<invitation::Model>> {
    find_all_in(app, app.db.read(), ids).await
}

/// The same as a transaction sees them.
async fn find_all_in(
    app: &App,
    db: &impl Source,
    ids: impl IntoIterator<Item = InvitationId>,
) -> Result<Vec<invitation::Model>> {
    let these = invitation::Entity::find().filter(invitation::Column::Id.is_in(ids));
    Ok(app.db.all(db, these).await?)
}
