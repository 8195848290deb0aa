//! Inviting many people at once: each of them whole or not at all.
//!
//! They are invited in slices, one change each, so that nobody else waits for long who wants to write. What
//! is needed to decide is read once a slice, and what is decided is written with a statement a table.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use entity::{RoleId, UserId, invitation, user};
use sea_orm::{ActiveModelTrait, EntityTrait};
use serde::{Deserialize, Serialize};

use super::terms::Terms;
use super::{NewUser, count_each, new_row, newest_of, send_counted};
use crate::database::{Write, is_dangling, is_duplicate, lost};
use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::change::{self, Change};
use crate::domain::error::{Error, Result, UserError, UserErrorCode, UserErrors};
use crate::domain::events::{Action, Changes};
use crate::domain::idempotency_keys::{Key, Operation};
use crate::domain::many::{self, Outcome, Outcomes};
use crate::domain::roles::{self, Known};
use crate::domain::users::policy::{self, UserAction};
use crate::domain::users::{self, RowLock, User};
use crate::domain::{EmailAddress, email_address, links};

mod repetition;

use repetition::Before;

/// How many people can be invited with one request.
pub const MAX_ROWS: usize = 500;

/// How many of them one change invites. On SQLite, everybody else who writes waits for it, and once more for
/// the next one, with which what they have written is stored.
const SLICE: usize = 10;

/// People to invite.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Each with an address of their own.
    pub rows: Vec<NewUser>,
    /// How many there may be.
    pub at_most: usize,
    /// What becomes of those who are users already.
    pub on_existing: OnExisting,
    /// Whether nothing is changed, and all is only decided. A key counts for nothing then.
    pub is_dry_run: bool,
    /// With the same one, each is invited once.
    pub key: Option<String>,
    /// After that time nobody is begun with any more.
    pub within: Duration,
}

/// What becomes of people who are invited although they are users already. Their names and roles stay as
/// they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum OnExisting {
    /// That is an error.
    Error,
    /// They are passed over.
    Skip,
    /// Whoever has not signed up yet is sent a new link; all others are passed over.
    Resend,
}

/// A person for whom something was done; in a dry run, for whom it would be.
#[derive(Debug)]
pub struct Invitee {
    /// What was done.
    pub how: Treatment,
    /// The user whom they are; none if they are none yet, or were deleted since.
    pub user: Option<User>,
    /// The invitation that they were sent.
    pub invitation: Option<invitation::Model>,
    /// The link, if it was not sent by e-mail, for those who may see it.
    pub link: Option<String>,
}

/// What was done for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Treatment {
    /// They were invited.
    Invited,
    /// They were sent a new link.
    Resent,
    /// They were passed over, because they are a user already.
    Skipped,
}

/// Invites people: creates users, invitations and e-mails, for each of them all or nothing. With an idempotency
/// key, whoever was invited, sent a new link or passed over with it is told as that again; those who were not
/// are begun with anew.
///
/// # Errors
///
/// For `invitations`, if there are none or too many; those of [`Key::read`] and [`Key::take`]; and whatever keeps
/// the server from the first of them. What is wrong with one row is told in its [`Outcome`].
pub async fn invite_many(app: &App, actor: &Actor, batch: &Batch) -> Result<Outcomes<Invitee>> {
    let mut errors = UserErrors::default();
    errors.check_all(number(batch))?;
    let (input, key) = ((&batch.rows, batch.on_existing), batch.key.as_deref());
    let key = errors.check_all(Key::read(Operation::InviteUsers, key, &input))?;
    let (key,) = errors.finish((key,))?;
    let key = key.filter(|_| !batch.is_dry_run);
    let rows = read(app, actor, &batch.rows);
    let slices = rows.chunks(SLICE).map(|slice| (slice, slice.len()));
    many::in_turn(slices, batch.within, |slice| {
        invite_slice(app, actor, batch, key.as_ref(), slice)
    })
    .await
}

fn number(batch: &Batch) -> Result<()> {
    let refused = |code, message: String| UserError::new(code, "invitations", message);
    if batch.rows.is_empty() {
        let message = "Name at least one person.".to_owned();
        return Err(refused(UserErrorCode::Required, message).into());
    }
    if batch.rows.len() > batch.at_most {
        let message = format!("Invite at most {} people at once.", batch.at_most);
        let error = refused(UserErrorCode::TooMany, message);
        return Err(error.with("max", batch.at_most).into());
    }
    Ok(())
}

/// A row as far as it can be judged by itself.
struct Row<'a> {
    index: usize,
    new: &'a NewUser,
    email: Option<EmailAddress>,
    first_name: String,
    last_name: String,
    terms: Terms,
    /// Whether an earlier row has the same address.
    is_repetition: bool,
    errors: Vec<UserError>,
}

impl Row<'_> {
    fn normal(&self) -> Option<&str> {
        self.email.as_ref().map(EmailAddress::normal)
    }

    /// Its errors, each with its place in the list of rows.
    fn failed(&self, errors: Vec<UserError>) -> Outcome<Invitee> {
        let errors = errors.into_iter();
        let at_its_place = |error: UserError| error.within("invitations", self.index);
        Outcome::Failed(errors.map(at_its_place).collect())
    }
}

/// Reads all rows, and finds those that repeat an earlier one's address.
fn read<'a>(app: &App, actor: &Actor, rows: &'a [NewUser]) -> Vec<Row<'a>> {
    let mut seen = HashSet::new();
    let rows = rows.iter().enumerate();
    rows.map(|(index, new)| {
        let mut errors = UserErrors::default();
        let email = errors.check(email_address::read("email", &new.email));
        let first_name = errors.check(users::name("firstName", &new.first_name));
        let last_name = errors.check(users::name("lastName", &new.last_name));
        let terms = Terms::read(app, actor, &new.wishes, &mut errors);
        let is_new = |email: &EmailAddress| seen.insert(email.normal().to_owned());
        let is_repetition = !email.as_ref().is_none_or(is_new);
        if is_repetition {
            errors.push(repeated());
        }
        Row {
            index,
            new,
            email,
            first_name: first_name.unwrap_or_default(),
            last_name: last_name.unwrap_or_default(),
            terms,
            is_repetition,
            errors: errors.into_all(),
        }
    })
    .collect()
}

fn repeated() -> UserError {
    let message = "Somebody before them has the same e-mail address.";
    UserError::new(UserErrorCode::Taken, "email", message)
}

/// What is to become of a row.
enum Plan {
    Invite(User, Terms),
    Resend(User, Terms),
    Skip(User),
    Fail(Vec<UserError>),
}

/// Invites some of the people: one change.
async fn invite_slice(
    app: &App,
    actor: &Actor,
    batch: &Batch,
    key: Option<&Key>,
    rows: &[Row<'_>],
) -> Result<Vec<Outcome<Invitee>>> {
    change::make(app, actor, |mut change| async move {
        let addresses: Vec<&str> = rows.iter().filter_map(|row| row.normal()).collect();
        let locked = match batch.on_existing {
            OnExisting::Resend => lock_invited(&change, &addresses).await?,
            OnExisting::Error | OnExisting::Skip => HashSet::new(),
        };
        change.confirm().await?;
        let before = Before::read(&change, key).await?;
        let mut again = before.of(&change, rows).await?;
        let new = rows.iter().filter(|row| !again.contains_key(&row.index));
        let new: Vec<&Row<'_>> = new.collect();
        let plans = plan(&change, batch, &new, &addresses, &locked).await?;
        if batch.is_dry_run {
            let foreseen = new.iter().zip(plans);
            let foreseen = foreseen.map(|(row, plan)| plan.foreseen(row)).collect();
            return change.abandon(foreseen).await;
        }
        let outcomes = carry_out(&change, &new, plans).await?;
        if !before.add(&change, &new, &outcomes).await? {
            return change.abandon(outcomes).await;
        }
        let mut outcomes = outcomes.into_iter();
        let in_order = rows
            .iter()
            .filter_map(|row| match again.remove(&row.index) {
                Some(before) => Some(Outcome::Done(before)),
                None => outcomes.next(),
            });
        let in_order = in_order.collect();
        change.commit(in_order).await
    })
    .await
}

/// Locks those who have not signed up yet, before all else and in the order of their IDs, with the actor:
/// whoever changes a user does so.
async fn lock_invited(change: &Change<'_>, addresses: &[&str]) -> Result<HashSet<UserId>> {
    let known = users::find_by_emails(change.app(), change.db(), addresses).await?;
    let invited = known.iter().filter(|user| is_invited(user));
    let invited: HashSet<UserId> = invited.map(|user| user.row.id).collect();
    let own = change.actor().user_id().map(|own| (own, RowLock::Shared));
    let theirs = invited.iter().map(|id| (*id, RowLock::Exclusive));
    users::lock(change.db(), own.into_iter().chain(theirs).collect()).await?;
    Ok(invited)
}

fn is_invited(user: &User) -> bool {
    user.row.status() == user::Status::Invited
}

/// Decides about each row by what is true now. Nothing is written but what is counted.
async fn plan(
    change: &Change<'_>,
    batch: &Batch,
    rows: &[&Row<'_>],
    addresses: &[&str],
    locked: &HashSet<UserId>,
) -> Result<Vec<Plan>> {
    let (app, db) = (change.app(), change.db());
    let existing = users::find_by_emails(app, db, addresses).await?;
    let held: Vec<RoleId> = existing
        .iter()
        .filter(|user| is_invited(user))
        .flat_map(|user| user.role_ids.clone())
        .collect();
    let again: Vec<UserId> = locked.iter().copied().collect();
    let earlier = newest_of(app, db, &again).await?;
    let known = Known::read(change, rows.iter().map(|row| row.new.chosen_roles()), &held).await?;
    let existing: HashMap<String, User> = existing
        .into_iter()
        .map(|user| (user.row.email_normal.clone(), user))
        .collect();
    let mut plans = Vec::with_capacity(rows.len());
    for row in rows {
        let mut errors = row.errors.clone();
        let role_ids = match known.assignable(change.actor(), row.new.chosen_roles()) {
            Ok(role_ids) => role_ids,
            Err(Error::Refused(wrong)) => {
                errors.extend(wrong);
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        let existing = row.normal().and_then(|normal| existing.get(normal));
        if existing.is_some() && batch.on_existing == OnExisting::Error && !row.is_repetition {
            errors.push(users::email_taken());
        }
        let plan = match (&row.email, existing) {
            (Some(email), None) if errors.is_empty() => {
                let (first_name, last_name) = (row.first_name.clone(), row.last_name.clone());
                let row_of_user = new_row(app, email, first_name, last_name);
                let user = User {
                    row: row_of_user,
                    role_ids,
                };
                Plan::Invite(user, row.terms.clone())
            }
            (Some(_), Some(user)) if errors.is_empty() => match batch.on_existing {
                OnExisting::Resend if is_invited(user) => {
                    if !locked.contains(&user.row.id) {
                        return Err(made_again("a user was invited a moment ago"));
                    }
                    Plan::Resend(user.clone(), leading_on(user, row, &earlier))
                }
                OnExisting::Error | OnExisting::Skip | OnExisting::Resend => {
                    Plan::Skip(user.clone())
                }
            },
            _ => Plan::Fail(errors),
        };
        plans.push(allowed(change, &known, plan)?);
    }
    counted(change, plans).await
}

/// The row's terms; if they lead nowhere, where the user's earlier invitation did.
fn leading_on(user: &User, row: &Row<'_>, earlier: &[invitation::Model]) -> Terms {
    let mut terms = row.terms.clone();
    if terms.redirect_url.is_none() {
        let earlier = earlier
            .iter()
            .find(|earlier| earlier.user_id == user.row.id);
        terms.redirect_url = earlier.and_then(|earlier| earlier.redirect_url.clone());
    }
    terms
}

/// The plan, unless the actor may not do that to this user.
fn allowed(change: &Change<'_>, known: &Known, plan: Plan) -> Result<Plan> {
    let Plan::Resend(user, _) = &plan else {
        return Ok(plan);
    };
    let rights = known.rights(&user.role_ids);
    let covered = policy::must_cover(change.actor(), &rights, UserAction::ResendInvitation);
    plan.unless_refused(covered)
}

/// The plans, except for those who have been sent too many e-mails of late.
async fn counted(change: &Change<'_>, plans: Vec<Plan>) -> Result<Vec<Plan>> {
    let to_send: Vec<_> = plans.iter().filter_map(Plan::sends).collect();
    let mut counted = count_each(change, &to_send).await?.into_iter();
    let of_each = |plan: Plan| {
        let own = plan.sends().and_then(|_| counted.next());
        plan.unless_refused(own.unwrap_or(Ok(())))
    };
    plans.into_iter().map(of_each).collect()
}

impl Plan {
    /// What would become of the row.
    fn foreseen(self, row: &Row<'_>) -> Outcome<Invitee> {
        let (how, user) = match self {
            Self::Invite(..) => (Treatment::Invited, None),
            Self::Resend(user, _) => (Treatment::Resent, Some(user)),
            Self::Skip(user) => (Treatment::Skipped, Some(user)),
            Self::Fail(errors) => return row.failed(errors),
        };
        Outcome::Done(Invitee {
            how,
            user,
            invitation: None,
            link: None,
        })
    }

    /// To whom something is sent, and on which terms.
    fn sends(&self) -> Option<(&User, &Terms)> {
        match self {
            Self::Invite(user, terms) | Self::Resend(user, terms) => Some((user, terms)),
            Self::Skip(_) | Self::Fail(_) => None,
        }
    }

    /// The same, unless that was refused: the reasons are errors of the row's address then.
    fn unless_refused(self, outcome: Result<()>) -> Result<Self> {
        match outcome {
            Ok(()) => Ok(self),
            Err(Error::Refused(errors)) => {
                let of_address = |error: UserError| UserError {
                    field: vec!["email".to_owned()],
                    ..error
                };
                Ok(Self::Fail(errors.into_iter().map(of_address).collect()))
            }
            Err(error) => Err(error),
        }
    }
}

/// Writes what is decided, and returns what has become of each row.
async fn carry_out(
    change: &Change<'_>,
    rows: &[&Row<'_>],
    plans: Vec<Plan>,
) -> Result<Vec<Outcome<Invitee>>> {
    let new = plans.iter().filter_map(|plan| match plan {
        Plan::Invite(user, _) => Some(user),
        _ => None,
    });
    create(change, &new.collect::<Vec<_>>()).await?;
    let again = plans.iter().filter_map(|plan| match plan {
        Plan::Resend(user, _) => Some(user),
        _ => None,
    });
    let again: Vec<&User> = again.collect();
    let ids: Vec<UserId> = again.iter().map(|user| user.row.id).collect();
    links::revoke_open_of::<invitation::Entity>(change, &ids).await?;
    let resent = again.into_iter().map(|user| (user.into(), Changes::none()));
    change.record_all(Action::InvitationResent, resent).await?;

    let to_send = plans.iter().filter_map(Plan::sends);
    let to_send = to_send.map(|(user, terms)| (user.clone(), terms.clone()));
    let mut sent = send_counted(change, to_send.collect()).await?.into_iter();
    let mut next = |how| {
        let sent = sent.next();
        let sent = sent.ok_or_else(|| Error::internal("an invitation was not sent"))?;
        Ok(Outcome::Done(Invitee {
            how,
            user: Some(sent.user),
            invitation: Some(sent.invitation),
            link: sent.link.filter(|_| !sent.is_sent),
        }))
    };
    let outcome = |(row, plan): (&&Row<'_>, Plan)| match plan {
        Plan::Invite(..) => next(Treatment::Invited),
        Plan::Resend(..) => next(Treatment::Resent),
        Plan::Skip(_) | Plan::Fail(_) => Ok(plan.foreseen(row)),
    };
    rows.iter().zip(plans).map(outcome).collect()
}

/// Creates these users with their roles. Whatever comes between, such as somebody else who invites one of
/// them, is seen when the change is made again.
async fn create(change: &Change<'_>, new: &[&User]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let rows = new.iter().map(|user| user.row.clone());
    user::Entity::insert_many(rows.map(|row| user::ActiveModel::from(row).reset_all()))
        .write(change.db())
        .await
        .map_err(|error| {
            if is_duplicate(&error) {
                lost(&error)
            } else {
                error
            }
        })?;
    let mut held = Vec::new();
    for user in new {
        held.extend(user.role_ids.iter().map(|role| (user.row.id, *role)));
    }
    let mut role_ids: Vec<RoleId> = held.iter().map(|(_, role)| *role).collect();
    role_ids.sort_by_key(|id| id.0);
    role_ids.dedup();
    users::add_all_roles(change.db(), held)
        .await
        .map_err(|error| {
            if is_dangling(&error) {
                lost(&error)
            } else {
                error
            }
        })?;
    // From here on the roles do not change, because the database locks what an assignment refers to.
    let granted = roles::by_ids_in(change.app(), change.db(), &role_ids).await?;
    if !change.actor().covers(&roles::union(&granted)) {
        return Err(made_again("a role has just come to grant more"));
    }
    let invited = new.iter().map(|user| {
        let changes = Changes::none()
            .field("email", None, user.row.email.clone())
            .list("roles", &[], &roles::names(&granted, &user.role_ids));
        ((*user).into(), changes)
    });
    change.record_all(Action::UserInvited, invited).await
}

/// What was decided is no longer right: the change is made again.
fn made_again(why: &str) -> Error {
    lost(&sea_orm::DbErr::Custom(why.to_owned())).into()
}
