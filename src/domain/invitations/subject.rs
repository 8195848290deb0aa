//! Whose invitation is meant: a front end knows the invitation from one list, and the user from another.

use entity::{InvitationId, UserId};

use crate::domain::app::App;
use crate::domain::error::{Error, Result, UserError, UserErrorCode};

/// Whose invitation is sent again or revoked; `None` stands for an ID of another type.
#[derive(Clone, Copy, Debug)]
pub enum Subject {
    /// That invitation.
    Invitation(Option<InvitationId>),
    /// The newest invitation of that user.
    User(Option<UserId>),
}

impl Subject {
    /// By the invitation or by the user, exactly one of the two.
    ///
    /// # Errors
    ///
    /// [`Required`](UserErrorCode::Required) for neither, [`Invalid`](UserErrorCode::Invalid) for both.
    pub fn new(
        invitation: Option<Option<InvitationId>>,
        user: Option<Option<UserId>>,
    ) -> Result<Self> {
        let code = match (invitation, user) {
            (Some(id), None) => return Ok(Self::Invitation(id)),
            (None, Some(id)) => return Ok(Self::User(id)),
            (None, None) => UserErrorCode::Required,
            (Some(_), Some(_)) => UserErrorCode::Invalid,
        };
        let message = "Provide either `invitationId` or `userId`, not both.";
        Err(UserError::new(code, None, message).into())
    }

    /// The invited user. An invitation never passes to another one.
    ///
    /// # Errors
    ///
    /// For `invitationId`: invalid, not found. What is wrong with a user's ID is said where the user is
    /// looked up.
    pub(super) async fn user(self, app: &App) -> Result<Option<UserId>> {
        let id = match self {
            Self::User(id) => return Ok(id),
            Self::Invitation(id) => id,
        };
        let refused = |code, message| UserError::new(code, "invitationId", message);
        let id = id.ok_or_else(|| {
            refused(
                UserErrorCode::Invalid,
                "This is not the ID of an invitation.",
            )
        })?;
        let invitation = super::find(app, id)
            .await?
            .ok_or_else(|| refused(UserErrorCode::NotFound, "There is no such invitation."))?;
        Ok(Some(invitation.user_id))
    }

    /// The same error, of the input that said whose invitation it is.
    pub(super) fn explain(self, error: Error) -> Error {
        match (self, error) {
            (Self::Invitation(_), Error::Refused(mut errors)) => {
                for error in &mut errors {
                    if error.field == ["userId"] {
                        error.field = vec!["invitationId".to_owned()];
                    }
                }
                Error::Refused(errors)
            }
            (_, error) => error,
        }
    }
}
