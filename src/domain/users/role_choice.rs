//! Which roles a user is to hold after a change: all of them are named, or those that come and go.

use entity::RoleId;

use super::User;
use crate::domain::change::Change;
use crate::domain::error::{Error, Result, UserError, UserErrorCode};
use crate::domain::patch::Patch;
use crate::domain::roles::{self, Chosen};

/// How a user's roles are to change. `None` stands for an ID that is not a role's.
#[derive(Clone, Debug, Default)]
pub enum RoleChoice {
    /// They stay.
    #[default]
    Keep,
    /// These take their place.
    Replace {
        /// By their IDs.
        ids: Vec<Option<RoleId>>,
        /// By their code names, as they were typed.
        code_names: Vec<String>,
    },
    /// Some come, and some go.
    Adjust {
        /// Those that come, unless the user holds them already.
        add: Vec<Option<RoleId>>,
        /// Those that go, if the user holds them.
        remove: Vec<Option<RoleId>>,
    },
}

/// The same as it was asked for.
#[derive(Clone, Debug, Default)]
pub struct AskedRoles {
    /// All roles, by their IDs.
    pub ids: Patch<Vec<Option<RoleId>>>,
    /// All roles, by their code names.
    pub code_names: Option<Vec<String>>,
    /// Roles that come.
    pub add: Option<Vec<Option<RoleId>>>,
    /// Roles that go.
    pub remove: Option<Vec<Option<RoleId>>>,
}

impl RoleChoice {
    /// What was asked for.
    ///
    /// # Errors
    ///
    /// [`Invalid`](UserErrorCode::Invalid) for `addRoleIds` or `removeRoleIds` beside a list of all.
    pub fn new(asked: AskedRoles) -> Result<Self> {
        let names_all = asked.ids.is_asked_for() || asked.code_names.is_some();
        let adjusts = match (&asked.add, &asked.remove) {
            (Some(_), _) => Some("addRoleIds"),
            (None, Some(_)) => Some("removeRoleIds"),
            (None, None) => None,
        };
        match (names_all, adjusts) {
            (true, Some(field)) => {
                let message = "Provide either `roleIds` and `roleCodeNames`, or `addRoleIds` and `removeRoleIds`.";
                Err(UserError::new(UserErrorCode::Invalid, field, message).into())
            }
            (true, None) => Ok(Self::Replace {
                ids: match asked.ids {
                    Patch::Set(ids) => ids,
                    Patch::Keep | Patch::Clear => Vec::new(),
                },
                code_names: asked.code_names.unwrap_or_default(),
            }),
            (false, Some(_)) => Ok(Self::Adjust {
                add: asked.add.unwrap_or_default(),
                remove: asked.remove.unwrap_or_default(),
            }),
            (false, None) => Ok(Self::Keep),
        }
    }

    /// Whether any were asked for.
    pub(super) fn is_asked_for(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// An error that names `roleIds`, of the input that named the roles.
    pub(super) fn explain(&self, error: Error) -> Error {
        let actual = match self {
            Self::Adjust { .. } => "addRoleIds",
            Self::Replace { ids, .. } if ids.is_empty() => "roleCodeNames",
            Self::Replace { .. } | Self::Keep => return error,
        };
        error.in_the_place_of("roleIds", actual)
    }

    /// The roles that the user is to hold, all new ones of which the actor could grant.
    ///
    /// # Errors
    ///
    /// Those of [`roles::assignable`]; for `removeRoleIds`, if it names what is no role, or leaves none.
    pub(super) async fn after(&self, change: &Change<'_>, user: &User) -> Result<Vec<RoleId>> {
        match self {
            Self::Keep => Ok(user.role_ids.clone()),
            Self::Replace { ids, code_names } => {
                roles::assignable(change, Chosen { ids, code_names }).await
            }
            Self::Adjust { add, remove } => {
                let adjusted = adjusted(change, user, add, remove).await;
                adjusted.map_err(|error| self.explain(error))
            }
        }
    }
}

async fn adjusted(
    change: &Change<'_>,
    user: &User,
    add: &[Option<RoleId>],
    remove: &[Option<RoleId>],
) -> Result<Vec<RoleId>> {
    let removed = roles::removable(remove)?;
    let mut after = user.role_ids.clone();
    after.retain(|id| !removed.contains(id));
    if !add.is_empty() {
        let added = roles::assignable(change, Chosen::by_ids(add)).await?;
        after.retain(|id| !added.contains(id));
        after.extend(added);
    }
    // Who has lost all roles, because these were deleted, is not kept from losing none.
    if after.is_empty() && !user.role_ids.is_empty() {
        let message = "A user holds at least one role.";
        return Err(UserError::new(UserErrorCode::Required, "removeRoleIds", message).into());
    }
    if after.len() > roles::MAX_ROLES {
        return Err(roles::too_many("addRoleIds").into());
    }
    Ok(after)
}
