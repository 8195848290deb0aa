//! The mutations for roles, and what the viewer may do to one.

use async_graphql::{Context, Description, ID, InputObject, MaybeUndefined, Object, Result};

use entity::{RoleId, Timestamp};

use super::Role;
use crate::domain::applications::{Permission, ROLES_CREATE, ROLES_DELETE, ROLES_UPDATE};
use crate::domain::effects::Effects;
use crate::domain::roles::policy::{self, RoleAction};
use crate::domain::roles::{self, NewRole, RoleChange, RoleDeletion, UpdatedRole};
use crate::graphql::context::ContextExt;
use crate::graphql::effects::ChangeEffects;
use crate::graphql::guard::{Requires, SignedIn, requires, signed_in};
use crate::graphql::ids;
use crate::graphql::patch::patch;
use crate::graphql::payload::{payload, payloads, rehearsed};
use crate::graphql::scalars::DateTime;

/// The mutations for roles.
#[derive(Default)]
pub struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Creates a role. It cannot grant permissions that the caller lacks.
    #[graphql(guard = Requires(ROLES_CREATE), directive = requires::apply(ROLES_CREATE))]
    async fn create_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role to create.")] input: CreateRoleInput,
    ) -> Result<CreateRolePayload> {
        let new = NewRole {
            name: input.name,
            code_name: input.code_name,
            description: input.description.unwrap_or_default(),
            permissions: input.permissions.iter().map(ToString::to_string).collect(),
        };
        let outcome = roles::create(ctx.app()?, &ctx.actor()?, new).await;
        payload(ctx, outcome, CreateRolePayload::new)
    }

    /// Changes a role. Omitted fields stay as they are. It cannot grant permissions that the caller
    /// lacks.
    #[graphql(guard = Requires(ROLES_UPDATE), directive = requires::apply(ROLES_UPDATE))]
    async fn update_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes to make.")] input: UpdateRoleInput,
    ) -> Result<UpdateRolePayload> {
        let codes = |permissions: Vec<Permission>| -> Vec<String> {
            permissions.iter().map(ToString::to_string).collect()
        };
        let change = RoleChange {
            id: ids::decode(&input.id),
            name: patch(input.name),
            description: patch(input.description),
            permissions: patch(input.permissions).map(codes),
            add_permissions: input.add_permissions.map(codes),
            remove_permissions: input.remove_permissions.map(codes),
            expected_updated_at: input.expected_updated_at.map(Timestamp::from),
            is_dry_run: input.dry_run,
        };
        let app = ctx.app()?;
        let outcome = roles::update(app, &ctx.actor()?, change).await;
        let told = |updated: UpdatedRole| {
            let effects = ChangeEffects::new(app, &updated.effects);
            UpdateRolePayload::new(updated.role, effects)
        };
        if input.dry_run {
            return rehearsed(ctx, outcome, |updated| UpdateRolePayload {
                role: None,
                ..told(updated)
            });
        }
        payload(ctx, outcome, told)
    }

    /// Deletes a role. A role that users hold is deleted only with `force: true`.
    #[graphql(guard = Requires(ROLES_DELETE), directive = requires::apply(ROLES_DELETE))]
    async fn delete_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role to delete.")] input: DeleteRoleInput,
    ) -> Result<DeleteRolePayload> {
        let deletion = RoleDeletion {
            id: ids::decode(&input.id),
            force: input.force,
            is_dry_run: input.dry_run,
        };
        let app = ctx.app()?;
        let outcome = roles::delete(app, &ctx.actor()?, deletion).await;
        let told = |(id, effects): (RoleId, Effects)| {
            DeleteRolePayload::new(ids::encode(id), ChangeEffects::new(app, &effects))
        };
        if input.dry_run {
            return rehearsed(ctx, outcome, |deletion| DeleteRolePayload {
                deleted_id: None,
                ..told(deletion)
            });
        }
        payload(ctx, outcome, told)
    }
}

/// The role to create.
#[derive(InputObject)]
pub struct CreateRoleInput {
    /// The display name, such as "Digital Channel Manager". Up to 100 characters.
    name: String,
    /// A unique identifier of up to 100 letters (A–Z, a–z), digits, `_`, `-` and `.`. Derived from
    /// the name if omitted. It cannot be changed later.
    code_name: Option<String>,
    /// What the role is for. Up to 1,000 characters.
    description: Option<String>,
    /// The permissions to grant. Any action implies `view` of the same application.
    permissions: Vec<Permission>,
}

/// The changes to make to a role.
#[derive(InputObject)]
pub struct UpdateRoleInput {
    /// The ID of the role to change.
    id: ID,
    /// The new display name, up to 100 characters.
    name: MaybeUndefined<String>,
    /// The new description, up to 1,000 characters; null clears it.
    description: MaybeUndefined<String>,
    /// All permissions that the role is to grant; they replace the current ones. Adding an action
    /// also adds `view` of its application; removing `view`, without adding an action, also removes
    /// the application's other actions.
    permissions: MaybeUndefined<Vec<Permission>>,
    /// Permissions that the role is to grant as well. Not together with `permissions`.
    add_permissions: Option<Vec<Permission>>,
    /// Permissions that the role is to grant no longer. Not together with `permissions`.
    remove_permissions: Option<Vec<Permission>>,
    /// The role's `updatedAt` as the caller knows it. If somebody has changed the role since, nothing is
    /// changed, and the error is `CHANGED_MEANWHILE`.
    expected_updated_at: Option<DateTime>,
    /// Whether nothing is changed: `effects` then says what would be.
    #[graphql(default)]
    dry_run: bool,
}

/// The role to delete.
#[derive(InputObject)]
pub struct DeleteRoleInput {
    /// The ID of the role to delete.
    id: ID,
    /// Whether to delete the role even if users hold it; they then lose it.
    #[graphql(default)]
    force: bool,
    /// Whether nothing is deleted: `effects` then says what would be, whether or not users hold the role.
    #[graphql(default)]
    dry_run: bool,
}

payloads! {
    /// The result of `createRole`.
    CreateRolePayload {
        /// The new role; null if there are `userErrors`.
        role: Role,
    }

    /// The result of `updateRole`.
    UpdateRolePayload {
        /// The updated role; null if there are `userErrors`, and in a dry run.
        role: Role,
        /// What the change comes to; null if there are `userErrors`.
        effects: ChangeEffects,
    }

    /// The result of `deleteRole`.
    DeleteRolePayload {
        /// The ID of the deleted role; null if there are `userErrors`, and in a dry run.
        deleted_id: ID,
        /// What the deletion comes to; null if there are `userErrors`.
        effects: ChangeEffects,
    }
}

/// What the viewer is currently allowed to do to a role, by the same rules that the mutations
/// apply.
#[derive(Description)]
pub struct RoleViewerCan(pub Role);

#[Object(use_type_description)]
impl RoleViewerCan {
    /// Whether the viewer can change the role (`updateRole`).
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn update(&self, ctx: &Context<'_>) -> Result<bool> {
        self.0.may(ctx, RoleAction::Update).await
    }

    /// Whether the viewer can delete the role (`deleteRole`, with `force: true` if users hold it).
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn delete(&self, ctx: &Context<'_>) -> Result<bool> {
        self.0.may(ctx, RoleAction::Delete).await
    }

    /// Whether the viewer can assign the role (`inviteUser`, or `updateUser` with `roleIds`).
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn assign(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(policy::may_assign(&ctx.actor()?, self.0.rights()))
    }
}
