//! The API for the server itself: what a front end shows before and after somebody signs in.

use async_graphql::{Context, Description, Object, Result};

use super::context::ContextExt;
use super::guard::{Requires, SignedIn, public, requires, signed_in};
use super::scalars::given;
use crate::domain::applications::EMAIL_QUEUE_VIEW;

/// The query about the server.
#[derive(Default)]
pub struct ServerQuery;

#[Object]
impl ServerQuery {
    /// The server itself.
    #[graphql(directive = public::apply())]
    async fn server(&self) -> Server {
        Server
    }
}

/// The server: what it is called here, and how it is set up.
#[derive(Description)]
pub struct Server;

#[Object(use_type_description)]
impl Server {
    /// What people are invited to join, such as "K Bank".
    #[graphql(directive = public::apply())]
    async fn name(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(ctx.app()?.settings.branding.name.clone())
    }

    /// The address of the logo; null if the deployment has none of its own.
    #[graphql(directive = public::apply())]
    async fn logo_url(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(given(&ctx.app()?.settings.branding.logo_url).map(str::to_owned))
    }

    /// The colour of buttons, as `#rrggbb`.
    #[graphql(directive = public::apply())]
    async fn color(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(ctx.app()?.settings.branding.color.clone())
    }

    /// Whether it is for trying out: what is in it may be lost at any time.
    #[graphql(directive = public::apply())]
    async fn is_demo(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.app()?.settings.is_demo())
    }

    /// Where the server's own pages are, such as "https://id.example.com"; null if it serves none.
    #[graphql(directive = public::apply())]
    async fn pages_url(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let settings = &ctx.app()?.settings;
        let url = settings.server.public_url.clone();
        Ok(settings.pages.enabled.then_some(url))
    }

    /// The version that is running; null for somebody who is not signed in.
    #[graphql(guard = SignedIn, directive = signed_in::apply())]
    async fn version(&self) -> Option<&str> {
        Some(env!("CARGO_PKG_VERSION"))
    }

    /// The transport that carries e-mails, such as "smtp", "file" or "log"; null for those who may not see
    /// the queue.
    #[graphql(guard = Requires(EMAIL_QUEUE_VIEW), directive = requires::apply(EMAIL_QUEUE_VIEW))]
    async fn transport(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(Some(ctx.app()?.settings.mail.transport.clone()))
    }
}
