//! Which path is answered by what.

use std::sync::Arc;

use poem::middleware::CatchPanic;
use poem::{Endpoint, EndpointExt, Route, get};

use super::client::TrustedProxies;
use super::email_files::EmailFiles;
use super::graphql_over_http::GraphqlEndpoint;
use super::headers::Headers;
use super::identity::Identification;
use super::origins::AllowedOrigins;
use super::pages::{self, ErrorPages};
use super::request_log::RequestLog;
use super::{health, playground};
use crate::domain::App;
use crate::graphql;

/// Everything that the server answers.
///
/// # Errors
///
/// Sentences that name the settings which cannot be used.
pub fn routes(app: Arc<App>) -> Result<impl Endpoint, Vec<String>> {
    let settings = &app.settings;
    let proxies =
        TrustedProxies::new(&settings.server.trusted_proxies).map_err(|problem| vec![problem])?;
    let origins = AllowedOrigins::new(&settings.server)?;
    let headers = Headers::new(settings, &origins);
    let schema = graphql::schema(settings.allows_introspection());
    let log = RequestLog::new(app.clone(), proxies.clone());
    let identification = Identification::new(app.clone(), proxies, origins.clone());
    let emails = EmailFiles::new(schema.clone(), app.clone(), identification.clone());
    let graphql = Arc::new(GraphqlEndpoint::new(schema, app.clone(), identification));
    let mut routes = Route::new()
        .at("/healthz", get(health::healthz))
        .at("/readyz", get(health::readyz))
        .at("/emails/:file", emails)
        .at("/graphql", graphql.clone())
        .at("/graphql/", graphql);
    if settings.serves_playground() {
        routes = routes
            .at("/playground", get(playground::index))
            .at("/playground/*path", get(playground::asset));
    }
    let mut errors = ErrorPages::default();
    if settings.pages.enabled {
        (routes, errors) =
            pages::add_to(routes, settings, &origins).map_err(|problem| vec![problem])?;
    }
    Ok(routes
        .data(app)
        .with(CatchPanic::new())
        .around(move |next, request| errors.clone().around(next, request))
        .around(move |next, request| headers.clone().around(next, request))
        .around(move |next, request| log.clone().around(next, request)))
}
