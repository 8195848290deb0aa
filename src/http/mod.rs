//! HTTP: which path is answered by what.

use std::sync::Arc;

use poem::middleware::CatchPanic;
use poem::{Endpoint, EndpointExt, Route, get};

use crate::app::App;
use crate::graphql;

mod client;
mod cookie;
mod graphql_over_http;
mod health;
mod identity;
mod pages;
mod playground;
mod request_log;

pub use client::TrustedProxies;
pub use graphql_over_http::GraphqlEndpoint;
pub use identity::AllowedOrigins;

/// Everything that the server answers.
///
/// # Errors
///
/// Sentences that name the settings which cannot be used.
pub fn routes(app: Arc<App>) -> Result<impl Endpoint, Vec<String>> {
    let settings = &app.settings;
    let proxies =
        TrustedProxies::new(&settings.server.trusted_proxies).map_err(|problem| vec![problem])?;
    let origins = AllowedOrigins::new(&settings.server).map_err(|problem| vec![problem])?;
    let schema = graphql::schema(settings.graphql.introspection);
    let mut routes = Route::new()
        .at("/healthz", get(health::healthz))
        .at("/readyz", get(health::readyz))
        .at(
            "/graphql",
            GraphqlEndpoint::new(schema, app.clone(), proxies, origins),
        );
    if settings.playground.enabled {
        routes = routes
            .at("/playground", get(playground::index))
            .at("/playground/*path", get(playground::asset));
    }
    if settings.pages.enabled {
        routes = pages::add_to(routes, settings).map_err(|problem| vec![problem])?;
    }
    Ok(routes
        .data(app)
        .with(CatchPanic::new())
        .around(request_log::with_request_id))
}
