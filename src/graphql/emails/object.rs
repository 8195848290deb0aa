//! An e-mail, and what leads on from one.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Description, ID, Object, Result};
use entity::{EmailId, InvitationId, email};

use super::attempt::EmailAttempt;
use super::{EmailKind, EmailPriority, EmailStatus};
use crate::domain::applications::{EMAIL_QUEUE_VIEW, EMAIL_QUEUE_VIEW_SENSITIVE, USERS_VIEW};
use crate::domain::emails::administration::EmailAction;
use crate::domain::{emails, invitations};
use crate::graphql::context::ContextExt;
use crate::graphql::error::internal;
use crate::graphql::guard::{Requires, requires};
use crate::graphql::ids;
use crate::graphql::invitations::Invitation;
use crate::graphql::level::{Member, Shared, grouped};
use crate::graphql::scalars::{DateTime, EmailAddress, given};
use crate::graphql::users::User;
use crate::mail::messages;

/// An e-mail in the queue or in its history.
#[derive(Clone, Description)]
pub struct Email(Member<emails::Email, Leads>);

/// What e-mails lead to.
#[derive(Default)]
struct Leads {
    wholes: Shared<EmailId, Arc<emails::Email>>,
    attempts: Shared<EmailId, Vec<EmailAttempt>>,
    invitations: Shared<InvitationId, Invitation>,
    users: Shared<EmailId, User>,
}

impl From<emails::Email> for Email {
    fn from(email: emails::Email) -> Self {
        Self(email.into())
    }
}

impl Email {
    /// E-mails that were loaded together.
    pub fn together(emails: Vec<emails::Email>) -> Vec<Self> {
        Member::together(emails).map(Self).collect()
    }

    /// As stored.
    pub fn row(&self) -> &email::Model {
        self.0.row().row()
    }

    /// As the viewer may see it.
    pub fn as_seen(&self) -> &emails::Email {
        self.0.row()
    }

    /// The e-mail with its bodies, which a list leaves out where it sees that nobody asks for them.
    async fn whole(&self, ctx: &Context<'_>) -> Result<Arc<emails::Email>> {
        if self.as_seen().is_whole() {
            return Ok(self.0.shared());
        }
        let all = async {
            let ids = self.0.all().map(|email| email.row().id);
            let wholes = emails::find_all(ctx.app()?, &ctx.actor()?, ids).await?;
            let wholes = wholes
                .into_iter()
                .map(|whole| (whole.row().id, Arc::new(whole)));
            Ok(wholes.collect())
        };
        let whole = self.0.leads().wholes.of(&self.row().id, all).await?;
        whole.ok_or_else(|| internal("an e-mail was deleted while it was being shown"))
    }

    /// The same, as the viewer is shown it: where its link is, that is noted.
    async fn shown(&self, ctx: &Context<'_>, masked: bool) -> Result<Arc<emails::Email>> {
        let whole = self.whole(ctx).await?;
        if masked {
            return Ok(Arc::new(whole.masked()));
        }
        ctx.caller()?.note_showing(&whole);
        Ok(whole)
    }

    async fn attempt_list(&self, ctx: &Context<'_>) -> Result<Vec<EmailAttempt>> {
        let all = async {
            let ids = self.0.all().map(|email| email.row().id);
            let attempts = emails::attempts_of(ctx.app()?, ids).await?.into_iter();
            Ok(grouped(
                attempts.map(|attempt| (attempt.email_id, attempt.into())),
            ))
        };
        let own = self.0.leads().attempts.of(&self.row().id, all).await?;
        Ok(own.unwrap_or_default())
    }
}

#[Object(use_type_description)]
impl Email {
    /// Opaque and globally unique.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    pub async fn id(&self) -> ID {
        ids::encode(self.row().id)
    }

    /// What the e-mail is about; null if a newer version of the server queued it (see `kindCode`).
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn kind(&self) -> Option<EmailKind> {
        emails::EmailKind::from_code(&self.row().kind).map(Into::into)
    }

    /// What the e-mail is about, as the stored code, such as "invitation".
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn kind_code(&self) -> &str {
        &self.row().kind
    }

    /// The state of the e-mail.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn status(&self) -> EmailStatus {
        self.row().status.into()
    }

    /// The sending priority.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn priority(&self) -> EmailPriority {
        self.row().priority.into()
    }

    /// The sender's address.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn from(&self) -> EmailAddress {
        let (_, address) = messages::sender(self.row());
        EmailAddress(address)
    }

    /// The sender's name, such as "Usher"; null if only the address is set (`mail.from`).
    // `from_name` is taken by what the macro makes.
    #[graphql(
        name = "fromName",
        guard = Requires(EMAIL_QUEUE_VIEW),
        directive = requires::apply(EMAIL_QUEUE_VIEW)
    )]
    async fn name_of_sender(&self) -> Option<String> {
        let (name, _) = messages::sender(self.row());
        given(&name).map(str::to_owned)
    }

    /// The recipients' addresses.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn to(&self) -> Vec<EmailAddress> {
        let to = self.row().to();
        to.map(|address| EmailAddress(address.to_owned())).collect()
    }

    /// The subject.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn subject(&self) -> &str {
        &self.row().subject
    }

    /// The plain-text body. The secret link is masked unless the viewer may see it (see `link`).
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn text_body(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default = false,
            desc = "Masks the link for everybody; then no event records that it was shown."
        )]
        masked: bool,
    ) -> Result<String> {
        Ok(self.shown(ctx, masked).await?.text_body())
    }

    /// The HTML body. The secret link is masked unless the viewer may see it (see `link`). Also available,
    /// masked for everybody, as a page at `GET /emails/{id}.html`.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn html_body(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default = false,
            desc = "Masks the link for everybody; then no event records that it was shown."
        )]
        masked: bool,
    ) -> Result<String> {
        Ok(self.shown(ctx, masked).await?.html_body())
    }

    /// The secret link, such as the invitation link. Null if the e-mail has none, once the link has
    /// been used, has expired or was revoked, for a viewer who could not assign every role of the
    /// recipient, and always for a password reset.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW_SENSITIVE), directive = requires::apply(EMAIL_QUEUE_VIEW_SENSITIVE))]
    async fn link(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        ctx.caller()?.note_showing(self.as_seen());
        Ok(self.as_seen().link())
    }

    /// The complete RFC 5322 message, with CRLF line endings. Also available at
    /// `GET /emails/{id}.eml`. The secret link is masked unless the viewer may see it (see `link`).
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn source(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default = false,
            desc = "Masks the link for everybody; then no event records that it was shown."
        )]
        masked: bool,
    ) -> Result<String> {
        let shown = self.shown(ctx, masked).await?;
        messages::source(&shown).map_err(|problem| internal(&problem))
    }

    /// The `Message-ID` header, which is the same for every attempt.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn message_id(&self) -> &str {
        &self.row().message_id
    }

    /// The attempts to send the e-mail, oldest first.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn attempts(&self, ctx: &Context<'_>) -> Result<Vec<EmailAttempt>> {
        self.attempt_list(ctx).await
    }

    /// The transport that tried to send the e-mail last, such as "smtp"; null if none has.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn transport(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let attempts = self.attempt_list(ctx).await?;
        Ok(attempts.into_iter().next_back().map(|last| last.transport))
    }

    /// The number of attempts since the e-mail was queued, or last requeued by `retryEmails`.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn attempt_count(&self) -> i32 {
        self.row().attempt_count
    }

    /// What the transport said about the last failure; null if there was none, or if the e-mail has
    /// been sent since.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn last_error(&self) -> Option<&str> {
        self.row().last_error.as_deref()
    }

    /// When the next attempt is due; null unless the e-mail is queued.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.row().next_attempt_at.0.map(DateTime)
    }

    /// When the e-mail was queued.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn created_at(&self) -> DateTime {
        self.row().created_at.into()
    }

    /// When the transport accepted the e-mail; null if it has not.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn sent_at(&self) -> Option<DateTime> {
        self.row().sent_at.0.map(DateTime)
    }

    /// When the e-mail becomes useless, because its link stops working; null if it never does. It is not
    /// sent after that.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn expires_at(&self) -> Option<DateTime> {
        self.row().expires_at.map(DateTime)
    }

    /// The invitation that the e-mail carries; null if it carries none, and for those who may not see it.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn invitation(&self, ctx: &Context<'_>) -> Result<Option<Invitation>> {
        let Some(id) = self.row().invitation_id else {
            return Ok(None);
        };
        let all = async {
            let ids = self.0.all().filter_map(|email| email.row().invitation_id);
            let found = invitations::find_all(ctx.app()?, BTreeSet::from_iter(ids)).await?;
            let found = Invitation::together(found).into_iter();
            Ok(found
                .map(|invitation| (invitation.row().id, invitation))
                .collect())
        };
        self.0.leads().invitations.of(&id, all).await
    }

    /// The user whom the link in the e-mail is for; null if it has none or the user was deleted, and for
    /// those who may not see them.
    #[graphql(guard = Requires(USERS_VIEW), directive = requires::apply(USERS_VIEW))]
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let all = async {
            let rows = self.0.all().map(emails::Email::row);
            let owners = emails::users_of(ctx.app()?, rows).await?;
            let users = User::find_all(ctx, owners.values().copied()).await?;
            let found = owners.into_iter();
            let found = found.filter_map(|(email, id)| Some((email, users.get(&id)?.clone())));
            Ok(found.collect())
        };
        self.0.leads().users.of(&self.row().id, all).await
    }

    /// What the viewer is allowed to do with this e-mail.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn viewer_can(&self) -> EmailViewerCan {
        EmailViewerCan(self.clone())
    }
}

/// What the viewer is currently allowed to do with an e-mail, by the same rules that the mutations
/// apply.
#[derive(Description)]
pub struct EmailViewerCan(Email);

impl EmailViewerCan {
    fn may(&self, ctx: &Context<'_>, action: EmailAction) -> Result<bool> {
        let now = ctx.app()?.clock.now();
        Ok(action.is_allowed(&ctx.actor()?, self.0.row(), now))
    }
}

#[Object(use_type_description)]
impl EmailViewerCan {
    /// Whether the viewer can put the e-mail back into the queue, or have it tried now (`retryEmails`).
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn retry(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, EmailAction::Retry)
    }

    /// Whether the viewer can cancel the e-mail (`cancelEmails`).
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn cancel(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, EmailAction::Cancel)
    }

    /// Whether the viewer can delete the e-mail (`deleteEmails`).
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn delete(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, EmailAction::Delete)
    }

    /// Whether the viewer can read the secret link (`link`): there is one, and it works. Asking this is not
    /// recorded; reading it is.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn see_link(&self) -> bool {
        self.0.as_seen().link().is_some()
    }
}
