//! How lists of e-mails are filtered and sorted.

use async_graphql::{Enum, ID, InputObject, Result};
use entity::{InvitationId, Timestamp, UserId};
use uuid::Uuid;

use super::{Email, EmailKind, EmailStatus};
use crate::domain::UserError;
use crate::domain::emails;
use crate::graphql::error::{check_search, flaw_of_search};
use crate::graphql::ids;
use crate::graphql::page::{OrderDirection, connection};
use crate::graphql::scalars::DateTime;

/// Filters e-mails. Conditions are combined with AND; omitted ones are ignored.
#[derive(InputObject)]
pub struct EmailFilter {
    /// E-mails in any of these states.
    #[graphql(validator(max_items = 100))]
    statuses: Option<Vec<EmailStatus>>,
    /// E-mails of any of these kinds.
    #[graphql(validator(max_items = 100))]
    kinds: Option<Vec<EmailKind>>,
    /// Case-insensitive substring of a recipient's address. Up to 200 characters.
    to: Option<String>,
    /// Case-insensitive substring of the subject. Up to 200 characters.
    subject: Option<String>,
    /// Case-insensitive substring of a recipient's address or of the subject. Up to 200 characters.
    search: Option<String>,
    /// E-mails that carried an invitation or a password reset link of this user.
    user_id: Option<ID>,
    /// E-mails that carried this invitation.
    invitation_id: Option<ID>,
    /// E-mails that this transport has tried to send, such as "smtp".
    transport: Option<String>,
    /// Substring of `lastError`; the letters A to Z match in upper and lower case. Up to 200 characters.
    last_error: Option<String>,
    /// E-mails sent after this time.
    sent_after: Option<DateTime>,
    /// E-mails queued after this time.
    created_after: Option<DateTime>,
    /// E-mails queued before this time.
    created_before: Option<DateTime>,
}

impl EmailFilter {
    fn terms(&self) -> [(&'static str, Option<&str>); 5] {
        [
            ("to", self.to.as_deref()),
            ("subject", self.subject.as_deref()),
            ("search", self.search.as_deref()),
            ("transport", self.transport.as_deref()),
            ("lastError", self.last_error.as_deref()),
        ]
    }

    /// What is wrong with the filter where it is a mutation's input `filter`.
    pub fn flaw(&self) -> Option<UserError> {
        let terms = self.terms().into_iter();
        let mut flaws = terms.filter_map(|(name, term)| flaw_of_search(name, term));
        flaws.next()
    }

    /// Converts it to the domain's filter.
    ///
    /// # Errors
    ///
    /// `BAD_REQUEST` for a search term that is too long.
    pub fn decode(self) -> Result<emails::EmailFilter> {
        for (name, term) in self.terms() {
            check_search(name, term)?;
        }
        Ok(emails::EmailFilter {
            statuses: self
                .statuses
                .map(|statuses| statuses.into_iter().map(Into::into).collect()),
            kinds: self
                .kinds
                .map(|kinds| kinds.into_iter().map(Into::into).collect()),
            to: self.to,
            subject: self.subject,
            search: self.search,
            // An ID of some other kind has no e-mails.
            user: self
                .user_id
                .map(|id| ids::decode(&id).unwrap_or(UserId(Uuid::nil()))),
            invitation: self
                .invitation_id
                .map(|id| ids::decode(&id).unwrap_or(InvitationId(Uuid::nil()))),
            transport: self.transport,
            last_error: self.last_error,
            sent_after: self.sent_after.map(Timestamp::from),
            created_after: self.created_after.map(Timestamp::from),
            created_before: self.created_before.map(Timestamp::from),
        })
    }
}

/// How a list of e-mails is sorted.
#[derive(InputObject)]
pub struct EmailOrder {
    /// The field to sort by.
    pub field: EmailOrderField,
    /// The sort direction.
    pub direction: OrderDirection,
}

/// The fields that e-mails can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "emails::EmailOrderField")]
pub enum EmailOrderField {
    /// When the e-mail was queued.
    CreatedAt,
    /// When the e-mail was sent. Those that have not been sent come first in ascending order.
    SentAt,
    /// When the next attempt is due. E-mails that are not queued come first in ascending order.
    NextAttemptAt,
}

connection! {
    /// A page of e-mails.
    EmailConnection, EmailEdge of Email, from emails::Email; emails::count where emails::EmailFilter
}
