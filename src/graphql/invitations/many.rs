//! The API for inviting many people at once.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use entity::invitation;

use super::Invitation;
use crate::domain::applications::USERS_CREATE;
use crate::domain::invitations::many::{self, Batch, Invitee, MAX_ROWS, Treatment};
use crate::domain::invitations::{NewUser, Wishes};
use crate::domain::many::{Outcome, Outcomes};
use crate::domain::{self, users};
use crate::graphql::context::ContextExt;
use crate::graphql::error::UserError;
use crate::graphql::guard::{Requires, requires};
use crate::graphql::ids;
use crate::graphql::limits::rows_complexity;
use crate::graphql::payload::{Payload, note_change, note_rehearsal_stop, note_stop, payloads};
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
        complexity = "rows_complexity(input.invitations.len(), MAX_ROWS, child_complexity)"
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
            key: input.idempotency_key,
            // As for every change to many.
            within: ctx.app()?.settings.graphql.timeout / 2,
        };
        let outcome = many::invite_many(ctx.app()?, &ctx.actor()?, &batch).await;
        if !batch.is_dry_run {
            note_change(ctx, &outcome)?;
        }
        match outcome {
            Ok(done) => {
                let results = results(ctx, done, batch.is_dry_run);
                Ok(InviteUsersPayload::new(results))
            }
            Err(domain::Error::Refused(errors)) => {
                let errors = errors.into_iter().map(Into::into);
                Ok(InviteUsersPayload::refused(errors.collect()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn results(ctx: &Context<'_>, done: Outcomes<Invitee>, is_dry_run: bool) -> Vec<InviteUsersResult> {
    match done.stopped_by {
        Some(error) if is_dry_run => note_rehearsal_stop(ctx, error),
        Some(error) => note_stop(ctx, error),
        None => {}
    }
    // What they lead to is read for all of them at once.
    let (mut users, mut invitations) = (Vec::new(), Vec::new());
    let rows = done.each.into_iter().enumerate();
    let rows: Vec<_> = rows
        .map(|(index, row)| {
            let (result, user, invitation) = InviteUsersResult::apart(index, row);
            let has = (user.is_some(), invitation.is_some());
            users.extend(user);
            invitations.extend(invitation);
            (result, has)
        })
        .collect();
    let mut users = User::together(users).into_iter();
    let mut invitations = Invitation::together(invitations).into_iter();
    let results = rows.into_iter();
    let results = results.map(|(result, (has_user, has_invitation))| InviteUsersResult {
        user: has_user.then(|| users.next()).flatten(),
        invitation: has_invitation.then(|| invitations.next()).flatten(),
        ..result
    });
    results.collect()
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
    /// A text that no other input has, such as a UUID: 1 to 255 characters. Whoever sends the same input again
    /// with the same key, within 24 hours, invites nobody twice: who was invited, sent a new link or passed over
    /// with it is told as that again, with the user and the invitation as they are by then, but never the `link`,
    /// which is shown once. Whoever was not (`FAILED`, `NOT_DONE`, `UNKNOWN`) is tried again. With another input,
    /// the key is refused with `IDEMPOTENCY_KEY_REUSED`. Where nobody was invited, and in a dry run, the key is
    /// not used.
    idempotency_key: Option<String>,
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
    /// The user that they are now, or were already; null in a dry run, if they are none yet, if they could not be
    /// invited, and if they were invited before with the same `idempotencyKey` and deleted since.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    user: Option<User>,
    /// The new invitation; null if none was sent, or it was deleted since.
    #[graphql(guard = Requires(USERS_CREATE), directive = requires::apply(USERS_CREATE))]
    invitation: Option<Invitation>,
    /// The link, shown only here and only once; null unless `sendEmail` is false, and if it was shown before with
    /// the same `idempotencyKey`.
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
    /// They were not invited, because the server was kept from it; `errors` says why. Try again with them, or with
    /// the whole input and its `idempotencyKey`.
    NotDone,
    /// They were invited or not: the connection to the database broke off meanwhile. Look before you try again,
    /// or try again with the whole input and its `idempotencyKey`.
    Unknown,
}

impl From<Treatment> for InviteUsersOutcome {
    fn from(how: Treatment) -> Self {
        match how {
            Treatment::Invited => Self::Invited,
            Treatment::Resent => Self::Resent,
            Treatment::Skipped => Self::Skipped,
        }
    }
}

impl InviteUsersResult {
    /// The result without the user and the invitation, and these apart.
    fn apart(
        index: usize,
        row: Outcome<Invitee>,
    ) -> (Self, Option<users::User>, Option<invitation::Model>) {
        let new = |outcome| Self {
            index,
            outcome,
            user: None,
            invitation: None,
            link: None,
            user_errors: Vec::new(),
        };
        let result = match row {
            Outcome::Done(invitee) => {
                let link = invitee.link;
                let result = Self {
                    link,
                    ..new(invitee.how.into())
                };
                return (result, invitee.user, invitee.invitation);
            }
            Outcome::Failed(errors) => Self {
                user_errors: errors.into_iter().map(Into::into).collect(),
                ..new(InviteUsersOutcome::Failed)
            },
            Outcome::NotDone => new(InviteUsersOutcome::NotDone),
            Outcome::Unknown => new(InviteUsersOutcome::Unknown),
        };
        (result, None, None)
    }
}
