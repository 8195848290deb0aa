//! An invitation, and what of it a list has already loaded.

use async_graphql::{Context, Description, ID, Object, Result};
use entity::{UserId, invitation};

use super::InvitationStatus;
use crate::domain::applications::{EMAIL_QUEUE_VIEW, Permission, USERS_VIEW};
use crate::domain::{emails, roles, users};
use crate::graphql::context::ContextExt;
use crate::graphql::emails::Email;
use crate::graphql::error::internal;
use crate::graphql::guard::{Requires, RequiresUnlessOwn, requires, requires_unless_own};
use crate::graphql::ids;
use crate::graphql::roles::Role;
use crate::graphql::scalars::{DateTime, EmailAddress};
use crate::graphql::users::User;

/// A link sent to a new user, with which they choose their first password.
#[derive(Clone, Description)]
pub struct Invitation {
    row: invitation::Model,
    loaded: Loaded,
}

/// What was loaded together with that of other invitations.
#[derive(Clone, Default)]
pub(super) struct Loaded {
    /// Both users of it, so far as there are any.
    pub users: Option<Vec<users::User>>,
    /// Its e-mails, newest first.
    pub emails: Option<Vec<emails::Email>>,
}

impl From<invitation::Model> for Invitation {
    fn from(row: invitation::Model) -> Self {
        Self::with(row, Loaded::default())
    }
}

impl Invitation {
    /// An invitation of a list.
    pub(super) fn with(row: invitation::Model, loaded: Loaded) -> Self {
        Self { row, loaded }
    }

    fn own_or(&self, permission: Permission) -> RequiresUnlessOwn {
        RequiresUnlessOwn(self.row.user_id, permission)
    }

    async fn find_user(
        &self,
        ctx: &Context<'_>,
        id: Option<UserId>,
    ) -> Result<Option<users::User>> {
        let Some(id) = id else {
            return Ok(None);
        };
        let loaded = self.loaded.users.as_ref();
        let known = loaded.and_then(|users| users.iter().find(|user| user.row.id == id));
        if let Some(user) = known {
            return Ok(Some(user.clone()));
        }
        Ok(Box::pin(users::find(ctx.app()?, id)).await?)
    }

    async fn invited_user(&self, ctx: &Context<'_>) -> Result<users::User> {
        let user = self.find_user(ctx, Some(self.row.user_id)).await?;
        user.ok_or_else(|| internal("an invitation without its user"))
    }
}

#[Object(use_type_description)]
impl Invitation {
    /// Opaque and globally unique.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.row.id)
    }

    /// The invited user.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        Ok(self.invited_user(ctx).await?.into())
    }

    /// The e-mail address that it was sent to, which the user may have changed since.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn email(&self) -> EmailAddress {
        EmailAddress(self.row.email.clone())
    }

    /// The roles that the link gives, sorted by name: those that the user holds while it is pending. Empty
    /// in every other state.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn roles(&self, ctx: &Context<'_>) -> Result<Vec<Role>> {
        let app = ctx.app()?;
        if self.row.status(app.clock.now()) != invitation::Status::Pending {
            return Ok(Vec::new());
        }
        let user = self.invited_user(ctx).await?;
        let roles = Box::pin(roles::by_ids(app, &user.role_ids)).await?;
        Ok(roles.into_iter().map(Role::from).collect())
    }

    /// The state of the invitation.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn status(&self, ctx: &Context<'_>) -> Result<InvitationStatus> {
        Ok(self.row.status(ctx.app()?.clock.now()).into())
    }

    /// Who sent the invitation; null if that user has been deleted, or if it was the server itself,
    /// which invites the first administrator.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn invited_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let inviter = self.find_user(ctx, self.row.invited_by).await?;
        Ok(inviter.map(User::from))
    }

    /// The e-mails that carried this invitation, newest first; null for those who may not see them.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn emails(&self, ctx: &Context<'_>) -> Result<Option<Vec<Email>>> {
        let mails = match &self.loaded.emails {
            Some(loaded) => loaded.clone(),
            None => {
                let (app, actor, ids) = (ctx.app()?, ctx.actor()?, [self.row.id]);
                Box::pin(emails::of_invitations(app, &actor, &ids, true)).await?
            }
        };
        Ok(Some(mails.into_iter().map(Email).collect()))
    }

    /// When the invitation was sent.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.row.created_at.into()
    }

    /// When the link expires.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn expires_at(&self) -> DateTime {
        self.row.expires_at.into()
    }

    /// When the invitation was accepted; null if it was not.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn accepted_at(&self) -> Option<DateTime> {
        self.row.accepted_at.map(DateTime)
    }

    /// When the invitation was revoked or replaced by a newer one; null if it was not.
    #[graphql(guard = self.own_or(USERS_VIEW), directive = requires_unless_own::apply(USERS_VIEW))]
    async fn revoked_at(&self) -> Option<DateTime> {
        self.row.revoked_at.map(DateTime)
    }
}
