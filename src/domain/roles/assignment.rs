//! Which roles may be assigned to a user.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use entity::{RoleId, UserId, role};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{Role, by_ids_in, input, union};
use crate::domain::actor::Actor;
use crate::domain::change::Change;
use crate::domain::error::{Error, Result, UserError, UserErrorCode};
use crate::domain::rights::Rights;
use crate::domain::{text, users};

/// How many roles one request may contain.
pub const MAX_ROLES: usize = 100;

/// Checks the roles that a user is to hold: they exist, and whoever causes the change holds all that they
/// grant.
///
/// # Errors
///
/// Those of [`Known::assignable`].
pub async fn assignable(change: &Change<'_>, chosen: Chosen<'_>) -> Result<Vec<RoleId>> {
    let known = Known::read(change, [chosen], &[]).await?;
    known.assignable(change.actor(), chosen)
}

/// The roles that somebody chose for a user, by either of their names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chosen<'a> {
    /// `None` stands for an ID that is not a role's.
    pub ids: &'a [Option<RoleId>],
    /// As they were typed.
    pub code_names: &'a [String],
}

impl<'a> Chosen<'a> {
    /// By their IDs alone.
    pub fn by_ids(ids: &'a [Option<RoleId>]) -> Self {
        Self {
            ids,
            code_names: &[],
        }
    }

    /// The field that names most of them.
    fn longer(&self) -> &'static str {
        if self.code_names.len() > self.ids.len() {
            "roleCodeNames"
        } else {
            "roleIds"
        }
    }

    /// How many there are.
    fn len(&self) -> usize {
        self.ids.len() + self.code_names.len()
    }
}

/// Roles that were chosen for any number of users, read at once.
#[derive(Debug)]
pub struct Known {
    roles: HashMap<RoleId, Arc<Role>>,
    by_code_name: HashMap<String, RoleId>,
}

impl Known {
    /// Reads what is chosen, for up to a few dozen users, and these others, as the transaction sees them.
    pub async fn read<'a>(
        change: &Change<'_>,
        chosen: impl IntoIterator<Item = Chosen<'a>>,
        others: &[RoleId],
    ) -> Result<Self> {
        let mut ids: BTreeSet<_> = others.iter().map(|id| id.0).collect();
        let mut keys = BTreeSet::new();
        // Of those who chose too many, none is looked at.
        for chosen in (chosen.into_iter()).filter(|chosen| chosen.len() <= MAX_ROLES) {
            ids.extend(chosen.ids.iter().flatten().map(|id| id.0));
            keys.extend(chosen.code_names.iter().filter_map(|name| key(name)));
        }
        let mut ids: Vec<RoleId> = ids.into_iter().map(RoleId).collect();
        let mut by_code_name = HashMap::new();
        if !keys.is_empty() {
            let named = role::Entity::find().filter(role::Column::CodeNameKey.is_in(keys));
            for row in change.app().db.all(change.db(), named).await? {
                ids.push(row.id);
                by_code_name.insert(row.code_name_key, row.id);
            }
        }
        let roles = by_ids_in(change.app(), change.db(), &ids).await?;
        Ok(Self {
            roles: roles.into_iter().map(|role| (role.row.id, role)).collect(),
            by_code_name,
        })
    }

    /// The roles that were chosen for one user, each once: they exist, and the actor holds all that they grant.
    ///
    /// # Errors
    ///
    /// For `roleIds` and `roleCodeNames`, or each of them.
    pub fn assignable(&self, actor: &Actor, chosen: Chosen<'_>) -> Result<Vec<RoleId>> {
        if chosen.len() == 0 {
            let message = "Choose at least one role.";
            return Err(UserError::new(UserErrorCode::Required, "roleIds", message).into());
        }
        if chosen.len() > MAX_ROLES {
            return Err(too_many(chosen.longer()).into());
        }
        let mut errors = Vec::new();
        let mut accepted = Vec::new();
        let by_id = chosen.ids.iter().map(|id| self.by_id(actor, *id));
        let by_name = chosen.code_names.iter();
        let by_name = by_name.map(|name| self.by_code_name(actor, name));
        for (index, role) in by_id.enumerate().chain(by_name.enumerate()) {
            match role {
                Err(error) => errors.push(error.at(index)),
                Ok(id) if accepted.contains(&id) => {}
                Ok(id) => accepted.push(id),
            }
        }
        if errors.is_empty() {
            Ok(accepted)
        } else {
            Err(Error::Refused(errors))
        }
    }

    /// What these of them grant together.
    pub fn rights(&self, ids: &[RoleId]) -> Rights {
        union(ids.iter().filter_map(|id| self.roles.get(id)))
    }

    fn by_id(&self, actor: &Actor, id: Option<RoleId>) -> Checked {
        let error = |code, message| UserError::new(code, "roleIds", message);
        let invalid = || error(UserErrorCode::Invalid, "This is not the ID of a role.");
        let unknown = || error(UserErrorCode::NotFound, "There is no such role.");
        let id = id.ok_or_else(invalid)?;
        let role = self.roles.get(&id).ok_or_else(unknown)?;
        grantable(actor, role, "roleIds")
    }

    fn by_code_name(&self, actor: &Actor, name: &str) -> Checked {
        let field = "roleCodeNames";
        let unknown = || {
            let message = match key(name) {
                Some(_) => format!("There is no role with the code name {}.", name.trim()),
                None => "This is not the code name of a role.".to_owned(),
            };
            UserError::new(UserErrorCode::NotFound, field, message)
        };
        let id = key(name).and_then(|key| self.by_code_name.get(&key));
        let role = id.and_then(|id| self.roles.get(id)).ok_or_else(unknown)?;
        grantable(actor, role, field)
    }
}

/// A role that may be assigned, or why not.
type Checked = std::result::Result<RoleId, UserError>;

fn grantable(actor: &Actor, role: &Role, field: &'static str) -> Checked {
    if actor.covers(&role.rights) {
        return Ok(role.row.id);
    }
    let message = format!(
        "You cannot grant the role {}: it includes permissions that you do not have.",
        role.row.name
    );
    let code = UserErrorCode::ExceedsOwnPermissions;
    Err(UserError::new(code, field, message))
}

/// Refuses more roles than anybody may hold.
pub fn too_many(field: &'static str) -> UserError {
    let message = format!("Choose at most {MAX_ROLES} roles.");
    UserError::new(UserErrorCode::TooMany, field, message).with("max", MAX_ROLES)
}

/// The roles that are to be taken from somebody, whether or not they hold them.
///
/// # Errors
///
/// For `removeRoleIds`, or each of them.
pub fn removable(ids: &[Option<RoleId>]) -> Result<Vec<RoleId>> {
    const FIELD: &str = "removeRoleIds";
    if ids.len() > MAX_ROLES {
        return Err(too_many(FIELD).into());
    }
    let invalid = ids.iter().enumerate().filter(|(_, id)| id.is_none());
    let invalid = invalid.map(|(index, _)| {
        let message = "This is not the ID of a role.";
        UserError::new(UserErrorCode::Invalid, FIELD, message).at(index)
    });
    let errors: Vec<UserError> = invalid.collect();
    if errors.is_empty() {
        Ok(ids.iter().flatten().copied().collect())
    } else {
        Err(Error::Refused(errors))
    }
}

/// What a code name is found by; nothing where it cannot be one.
fn key(typed: &str) -> Option<String> {
    let name = input::given_code_name(typed.trim()).ok()?;
    Some(text::fold(&name))
}

/// Assigns roles that were [`assignable`] to a user, in addition to those that they have, and returns
/// them. From then on they do not change until the transaction ends, because the database locks what
/// an assignment refers to; whatever came to grant more before that is refused.
pub async fn assign(change: &Change<'_>, user: UserId, ids: &[RoleId]) -> Result<Vec<Arc<Role>>> {
    users::add_roles(change.db(), user, ids.iter().copied()).await?;
    let assigned = by_ids_in(change.app(), change.db(), ids).await?;
    if change.actor().covers(&union(&assigned)) {
        Ok(assigned)
    } else {
        Err(UserError::new(
            UserErrorCode::ExceedsOwnPermissions,
            "roleIds",
            "One of these roles has just come to grant permissions that you do not have.",
        )
        .into())
    }
}
