//! The API for inviting many people at once.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use entity::{InvitationId, UserId, invitation};

use super::Invitation;
use super::listing::{self, BODIES};
use super::object::Loaded;
use crate::domain::applications::{EMAIL_QUEUE_VIEW, USERS_CREATE};
use crate::domain::invitations::many::{self, Batch, Done, MAX_ROWS, RowOutcome};
use crate::domain::invitations::{Invited, NewUser, Wishes, newest_of};
use crate::domain::{self, emails, users};
use crate::graphql::context::ContextExt;
use crate::graphql::error::UserError;
use crate::graphql::guard::{Requires, requires};
use crate::graphql::ids;
use crate::graphql::payload::{Payload, note_change, payloads};
use crate::graphql::scalars::EmailAddress;
use crate::graphql::users::User;

/// The mutations for many invitations.
#[derive(Default)]
pub struct InvitationsMutation;

#[Object]
impl InvitationsMutation {
    /// Invites up to 500 people, each as `inviteUser` does: whoever cannot be invited keeps nobody else from it.
    /// The caller's permissions are looked at again every few people.
    #[graphql(
        guard = Requires(USERS_CREATE),
        directive = requires::apply(USERS_CREATE),
        complexity = "rows_complexity(input.invitations.len(), child_complexity)"
    )]
    async fn invite_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The people to invite, and what becomes of those who are users already.")]
        input: InviteUsersInput,
    ) -> Result<InviteUsersPayload> {
        let batch = Batch {
            rows: input.invitations.into_iter().map(NewUser::from).collect(),
            at_most: MAX_ROWS,
            on_existing: input.on_existing.into(),
            is_dry_run: input.dry_run,
        };
        let outcome = many::invite_many(ctx.app()?, &ctx.actor()?, &batch).await;
        if !batch.is_dry_run {
            note_change(ctx, &outcome)?;
        }
        match outcome {
            Ok(done) => Ok(InviteUsersPayload::new(results(ctx, done).await?)),
            Err(domain::Error::Refused(errors)) => {
                let errors = errors.into_iter().map(Into::into);
                Ok(InviteUsersPayload::refused(errors.collect()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A field of a result counts once for each person.
fn rows_complexity(rows: usize, selected: usize) -> usize {
    rows.clamp(1, MAX_ROWS).saturating_mul(selected)
}

async fn results(ctx: &Context<'_>, done: Done) -> Result<Vec<InviteUsersResult>> {
    if let Some(error) = done.stopped_by {
        let error = match error {
            // Something was done before.
            domain::Error::Unavailable(away) => domain::Error::OutcomeUnknown(away),
            other => other,
        };
        let error = async_graphql::Error::from(error).into_server_error(ctx.item.pos);
        ctx.add_error(ctx.set_error_path(error));
    }
    let mut known = Known::load(ctx, &done.rows).await?;
    let rows = done.rows.into_iter().enumerate();
    Ok(rows
        .map(|(index, row)| InviteUsersResult::new(index, row, &mut known))
        .collect())
}

/// What is selected of the results' users and invitations, read at once for all of them.
struct Known {
    /// Whether an invitation's users are asked for, or what follows from them.
    wants_users: bool,
    /// Whoever invites them.
    inviter: Option<users::User>,
    /// By invitation; nothing, if they are not asked for.
    emails: Option<HashMap<InvitationId, Vec<emails::Email>>>,
    /// The newest of those who were passed over; nothing, if they are not asked for.
    newest: Option<HashMap<UserId, invitation::Model>>,
}

impl Known {
    async fn load(ctx: &Context<'_>, rows: &[RowOutcome]) -> Result<Self> {
        let (app, actor) = (ctx.app()?, ctx.actor()?);
        let results = ctx.look_ahead().field("results");
        let of_invitation = |field| results.field("invitation").field(field);
        let asked = of_invitation("emails");
        let with_bodies = BODIES.iter().any(|field| asked.field(field).exists());
        let sent: Vec<InvitationId> = rows.iter().filter_map(invitation_in).collect();
        let emails = if asked.exists() && actor.holds(&EMAIL_QUEUE_VIEW) {
            Some(listing::emails_of(ctx, &sent, with_bodies).await?)
        } else {
            None
        };
        let newest = if results.field("user").field("invitation").exists() {
            let passed_over: Vec<UserId> = rows.iter().filter_map(passed_over).collect();
            let found = newest_of(app, app.db.read(), &passed_over).await?;
            Some(found.into_iter().map(|it| (it.user_id, it)).collect())
        } else {
            None
        };
        let inviter = actor.signed_in().ok();
        let of_users = ["user", "invitedBy", "roles"];
        Ok(Self {
            wants_users: of_users.iter().any(|field| of_invitation(field).exists()),
            inviter: inviter.map(|inviter| inviter.user.clone()),
            emails,
            newest,
        })
    }

    /// A user for whom nothing was sent.
    fn user(&mut self, user: users::User) -> User {
        match &mut self.newest {
            Some(newest) => {
                let own = newest.remove(&user.row.id);
                User::with_invitation(user, own)
            }
            None => user.into(),
        }
    }

    /// An invitation that was sent to this user.
    fn invitation(&mut self, user: &users::User, row: invitation::Model) -> Invitation {
        let both = self.inviter.iter().chain([user]);
        let users = self.wants_users.then(|| both.cloned().collect());
        let own = |emails: &mut HashMap<_, _>| emails.remove(&row.id).unwrap_or_default();
        let emails = self.emails.as_mut().map(own);
        Invitation::with(row, Loaded { users, emails })
    }
}

fn invitation_in(row: &RowOutcome) -> Option<InvitationId> {
    match row {
        RowOutcome::Invited(sent) | RowOutcome::Resent(_, sent) => {
            sent.as_ref().map(|sent| sent.invitation.id)
        }
        _ => None,
    }
}

fn passed_over(row: &RowOutcome) -> Option<UserId> {
    match row {
        // In a dry run, whoever would be sent a new link has none yet.
        RowOutcome::Resent(user, None) | RowOutcome::Skipped(user) => Some(user.row.id),
        _ => None,
    }
}

/// The people to invite.
#[derive(InputObject)]
pub struct InviteUsersInput {
    /// The people, up to 500. No two may have the same e-mail address.
    invitations: Vec<InviteUsersRow>,
    /// Whether nothing is changed, and no e-mail sent: the results then say what would be done.
    #[graphql(default)]
    dry_run: bool,
    /// What becomes of people who are users already.
    #[graphql(default_with = "OnExisting::Error")]
    on_existing: OnExisting,
}

/// One of the people to invite. At least one role is needed, by `roleIds` or `roleCodeNames`; the roles must
/// not grant permissions that the caller lacks.
#[derive(InputObject)]
pub struct InviteUsersRow {
    /// Their e-mail address.
    email: EmailAddress,
    /// Their first name, up to 100 characters. They can correct it when they accept.
    first_name: Option<String>,
    /// Their last name, up to 100 characters. They can correct it when they accept.
    last_name: Option<String>,
    /// Roles that the user is to hold (up to 100, together with those by their code names).
    role_ids: Option<Vec<ID>>,
    /// Roles that the user is to hold, by their code names, in upper or lower case.
    role_code_names: Option<Vec<String>>,
    /// As for `inviteUser`.
    message: Option<String>,
    /// As for `inviteUser`.
    valid_for_seconds: Option<i32>,
    /// As for `inviteUser`. Whoever is sent a new link is led where the previous one did, by default.
    redirect_url: Option<String>,
    /// As for `inviteUser`.
    #[graphql(default = true)]
    send_email: bool,
}

impl From<InviteUsersRow> for NewUser {
    fn from(row: InviteUsersRow) -> Self {
        let role_ids = row.role_ids.unwrap_or_default();
        Self {
            email: row.email.0,
            first_name: row.first_name.unwrap_or_default(),
            last_name: row.last_name.unwrap_or_default(),
            role_ids: role_ids.iter().map(ids::decode).collect(),
            role_code_names: row.role_code_names.unwrap_or_default(),
            wishes: Wishes {
                message: row.message,
                valid_for_seconds: row.valid_for_seconds.map(i64::from),
                redirect_url: row.redirect_url,
                is_without_email: !row.send_email,
            },
        }
    }
}

/// What becomes of people who are invited although they are users already. Their names and roles stay as they
/// are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "many::OnExisting")]
pub enum OnExisting {
    /// That is an error of the row.
    Error,
    /// They are passed over.
    Skip,
    /// Whoever has not signed up yet is sent a new link, and the previous one stops working; all others are
    /// passed over.
    Resend,
}

payloads! {
    /// The result of `inviteUsers`.
    InviteUsersPayload {
        /// What has become of each person, in the order of the input; null if there are `userErrors`.
        results: Vec<InviteUsersResult>,
    }
}

/// What has become of one of the people, in a dry run what would.
#[derive(SimpleObject)]
pub struct InviteUsersResult {
    /// The person's place in `invitations`, from 0 on.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    index: usize,
    /// What has become of them.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    outcome: InviteUsersOutcome,
    /// The user that they are now, or were already; null in a dry run, if they are none yet, and if they could
    /// not be invited.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    user: Option<User>,
    /// The new invitation; null if none was sent.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    invitation: Option<Invitation>,
    /// The link, shown only here; null unless `sendEmail` is false.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    link: Option<String>,
    /// What is wrong with the person's input, such as `["input", "invitations", "3", "email"]`. If there is
    /// anything, they were not invited.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    user_errors: Vec<UserError>,
}

/// What has become of one of many people to invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum InviteUsersOutcome {
    /// They were invited.
    Invited,
    /// They were invited before, and were sent a new link.
    Resent,
    /// They were passed over, because they are a user already.
    Skipped,
    /// They were not invited, for the reasons in `userErrors`.
    Failed,
    /// They were not invited, because the server was kept from it; `errors` says why. Try again with them.
    NotDone,
    /// They were invited or not: the connection to the database broke off meanwhile. Look before you try again.
    Unknown,
}

impl InviteUsersResult {
    fn new(index: usize, row: RowOutcome, known: &mut Known) -> Self {
        let result = |outcome| Self {
            index,
            outcome,
            user: None,
            invitation: None,
            link: None,
            user_errors: Vec::new(),
        };
        match row {
            RowOutcome::Invited(None) => result(InviteUsersOutcome::Invited),
            RowOutcome::Invited(Some(sent)) => {
                result(InviteUsersOutcome::Invited).with(*sent, known)
            }
            RowOutcome::Resent(_, Some(sent)) => {
                result(InviteUsersOutcome::Resent).with(*sent, known)
            }
            RowOutcome::Resent(user, None) => Self {
                user: Some(known.user(*user)),
                ..result(InviteUsersOutcome::Resent)
            },
            RowOutcome::Skipped(user) => Self {
                user: Some(known.user(*user)),
                ..result(InviteUsersOutcome::Skipped)
            },
            RowOutcome::Failed(errors) => Self {
                user_errors: errors.into_iter().map(Into::into).collect(),
                ..result(InviteUsersOutcome::Failed)
            },
            RowOutcome::NotDone => result(InviteUsersOutcome::NotDone),
            RowOutcome::Unknown => result(InviteUsersOutcome::Unknown),
        }
    }

    /// What was sent.
    fn with(self, sent: Invited, known: &mut Known) -> Self {
        let invitation = known.invitation(&sent.user, sent.invitation.clone());
        let user = match known.newest {
            Some(_) => User::with_invitation(sent.user, Some(sent.invitation)),
            None => sent.user.into(),
        };
        Self {
            link: (!sent.is_sent).then_some(sent.link),
            user: Some(user),
            invitation: Some(invitation),
            ..self
        }
    }
}
