//! The mutations of roles, and what the viewer may do to one.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, InputObject, MaybeUndefined, Object, Result};

use super::Role;
use crate::domain::applications::{Permission, ROLES_CREATE, ROLES_DELETE, ROLES_UPDATE};
use crate::domain::roles::policy::{self, RoleAction};
use crate::domain::roles::{self, NewRole, RoleChange, RoleDeletion};
use crate::graphql::context::ContextExt;
use crate::graphql::error::{payload, payloads};
use crate::graphql::guard::{Requires, SignedIn, requires, signed_in};
use crate::graphql::ids;
use crate::graphql::patch::patch;

/// What can be done with roles.
#[derive(Default)]
pub struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Makes a role. It can grant no more than the caller holds.
    #[graphql(guard = Requires(ROLES_CREATE), directive = requires::apply(ROLES_CREATE))]
    async fn create_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role.")] input: CreateRoleInput,
    ) -> Result<CreateRolePayload> {
        let new = NewRole {
            name: input.name,
            code_name: input.code_name,
            description: input.description.unwrap_or_default(),
            permissions: input.permissions.iter().map(ToString::to_string).collect(),
        };
        let outcome = roles::create(ctx.app()?, &ctx.actor()?, new).await;
        payload(outcome, |role| CreateRolePayload {
            role: Some(role.into()),
            ..Default::default()
        })
    }

    /// Changes a role; what is left out stays as it is. It can grant no more than the caller holds.
    #[graphql(guard = Requires(ROLES_UPDATE), directive = requires::apply(ROLES_UPDATE))]
    async fn update_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateRoleInput,
    ) -> Result<UpdateRolePayload> {
        let change = RoleChange {
            id: ids::decode(&input.id),
            name: patch(input.name),
            description: patch(input.description),
            permissions: patch(input.permissions)
                .map(|codes| codes.iter().map(ToString::to_string).collect()),
        };
        let outcome = roles::update(ctx.app()?, &ctx.actor()?, change).await;
        payload(outcome, |role| UpdateRolePayload {
            role: Some(role.into()),
            ..Default::default()
        })
    }

    /// Deletes a role. One that is held is deleted by force only.
    #[graphql(guard = Requires(ROLES_DELETE), directive = requires::apply(ROLES_DELETE))]
    async fn delete_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which role.")] input: DeleteRoleInput,
    ) -> Result<DeleteRolePayload> {
        let deletion = RoleDeletion {
            id: ids::decode(&input.id),
            force: input.force.unwrap_or(false),
        };
        let outcome = roles::delete(ctx.app()?, &ctx.actor()?, deletion).await;
        payload(outcome, |id| DeleteRolePayload {
            deleted_id: Some(ids::encode(id)),
            ..Default::default()
        })
    }
}

/// A role to be made.
#[derive(InputObject)]
pub struct CreateRoleInput {
    /// What people see, such as "Digital Channel Manager": up to 100 characters.
    name: String,
    /// What programs see: letters from A to Z, digits, '_', '-' and '.'. Made from the name where it
    /// is left out. It never changes.
    code_name: Option<String>,
    /// Up to 1,000 characters.
    description: Option<String>,
    /// What it shall grant. Any action implies `view` of the same application.
    permissions: Vec<Permission>,
}

/// A change of a role.
#[derive(InputObject)]
pub struct UpdateRoleInput {
    /// The role's ID.
    id: ID,
    /// Up to 100 characters.
    name: MaybeUndefined<String>,
    /// Up to 1,000 characters; null empties it.
    description: MaybeUndefined<String>,
    /// All that it shall grant. An action that is new to it brings the `view` of its application
    /// with it; leaving out a `view` that it has takes the other actions away with it.
    permissions: MaybeUndefined<Vec<Permission>>,
}

/// A role to be deleted.
#[derive(InputObject)]
pub struct DeleteRoleInput {
    /// The role's ID.
    id: ID,
    /// Whether it is taken from those who hold it. Without that, a role that is held stays.
    force: Option<bool>,
}

payloads! {
    /// The role that was made.
    CreateRolePayload {
        /// The role; null where it was refused.
        role: Role,
    }

    /// The role as changed.
    UpdateRolePayload {
        /// The role; null where the change was refused.
        role: Role,
    }

    /// The role that is gone.
    DeleteRolePayload {
        /// The ID that the role had; null where it was refused.
        deleted_id: ID,
    }
}

/// What the viewer may do to a role at the moment, by the rules that the mutations themselves apply.
#[derive(Description)]
pub struct RoleViewerCan(pub Arc<roles::Role>);

impl RoleViewerCan {
    async fn may(&self, ctx: &Context<'_>, action: RoleAction) -> Result<bool> {
        Ok(policy::may(ctx.app()?, &ctx.actor()?, &self.0, action).await?)
    }
}

#[Object(use_type_description)]
impl RoleViewerCan {
    /// Change it: `updateRole`.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn update(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, RoleAction::Update).await
    }

    /// Delete it: `deleteRole`, with `force` where it is held.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn delete(&self, ctx: &Context<'_>) -> Result<bool> {
        self.may(ctx, RoleAction::Delete).await
    }

    /// Give it to somebody: `inviteUser`, or `updateUser` with `roleIds`.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn assign(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(policy::may_assign(&ctx.actor()?, &self.0))
    }
}
