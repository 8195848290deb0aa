//! The API for applications: the dashboard's entries, and the permissions in them.

use std::sync::Arc;

use async_graphql::{Context, Description, ID, Object, Result};

use super::context::ContextExt;
use super::guard::{SignedIn, signed_in};
use super::scalars::given;
use crate::domain::applications::{self, Permission};

/// The queries about applications.
#[derive(Default)]
pub struct ApplicationQuery;

#[Object]
impl ApplicationQuery {
    /// The catalogue: the server's own applications and those that the deployment declares.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn applications(&self, ctx: &Context<'_>) -> Result<Vec<Application>> {
        let all = ctx.app()?.catalogue.applications();
        Ok(all.iter().cloned().map(Application).collect())
    }
}

/// An application on the dashboard: one of the server's own (users, roles, email-queue, event-log)
/// or one that the deployment declares in its configuration.
#[derive(Description)]
pub struct Application(pub Arc<applications::Application>);

#[Object(use_type_description)]
impl Application {
    /// Opaque and globally unique, for caches; roles and permissions go by the code.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn id(&self) -> ID {
        ID(format!("application_{}", self.0.code))
    }

    /// The application's slug, such as "email-queue".
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// The display name.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What the application is for; null if the deployment does not say.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn description(&self) -> Option<&str> {
        given(&self.0.description)
    }

    /// Whether it is one of the server's own, rather than one that the deployment declares.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn is_built_in(&self) -> bool {
        self.0.is_built_in
    }

    /// The application's address; null if the deployment does not declare one.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// The permissions that roles can grant in this application.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn permissions(&self) -> Vec<ApplicationPermission> {
        let all = self.0.permissions.iter();
        all.cloned().map(ApplicationPermission).collect()
    }

    /// The permissions in this application that the viewer holds, whosever application list it is in.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn viewer_permissions(&self, ctx: &Context<'_>) -> Result<Vec<Permission>> {
        let actor = ctx.actor()?;
        let all = self.0.permissions.iter();
        Ok(all
            .map(|entry| entry.permission.clone())
            .filter(|permission| actor.holds(permission))
            .collect())
    }
}

/// A permission in an application.
#[derive(Description)]
pub struct ApplicationPermission(applications::ApplicationPermission);

#[Object(use_type_description)]
impl ApplicationPermission {
    /// The full code, such as "users.view", which roles grant.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn code(&self) -> Permission {
        self.0.permission.clone()
    }

    /// The action alone, such as "view".
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn action(&self) -> &str {
        self.0.permission.action()
    }

    /// What the permission allows, in words for users.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn description(&self) -> &str {
        &self.0.description
    }
}
