//! The hosted pages: what the links in e-mails lead to where a deployment has no front end of its
//! own.
//!
//! They are written once, at the start, from templates and the branding; nothing in them depends on
//! the request. Everything else they do in the browser, through the public API and nothing else.

use std::sync::Arc;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use poem::http::StatusCode;
use poem::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use poem::{Endpoint, Request, Response, Result, Route, get};
use sha2::{Digest, Sha256};
use url::Url;

use super::identity::AllowedOrigins;
use crate::color::Palette;
use crate::config::Config;

/// Path, template, title, and how long a browser may keep it.
const PAGES: &[(&str, &str, &str, &str)] = &[
    ("/", "dashboard.html", "Applications", FRESH),
    ("/sign-in", "sign-in.html", "Sign in", FRESH),
    (
        "/accept-invitation",
        "accept-invitation.html",
        "Welcome",
        NEVER,
    ),
    (
        "/forgotten-password",
        "forgotten-password.html",
        "Forgotten password",
        FRESH,
    ),
    (
        "/reset-password",
        "reset-password.html",
        "New password",
        NEVER,
    ),
    ("/account", "account.html", "Your account", FRESH),
];

/// A copy is used if the server says that nothing has changed.
const FRESH: &str = "no-cache";

/// A cache is a list of addresses, and the address of this page holds a token.
const NEVER: &str = "no-store";

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("pages/", $folder, "/", $name)))),*]
    };
}

const TEMPLATES: &[(&str, &str)] = files!("templates":
    "layout.html", "password.html", "dashboard.html", "sign-in.html", "accept-invitation.html",
    "forgotten-password.html", "reset-password.html", "account.html",
);

const STATIC: &[(&str, &str)] = files!("static":
    "pages.css", "logo.svg", "api.js", "forms.js", "link.js", "next.js", "session.js", "strength.js",
    "dashboard.js", "sign-in.js", "accept-invitation.js", "forgotten-password.js", "reset-password.js", "account.js",
);

/// Adds the pages and what they load to the routes.
///
/// # Errors
///
/// A sentence that names the template: none that is tested is expected to fail.
pub fn add_to(
    mut routes: Route,
    settings: &Config,
    origins: &AllowedOrigins,
) -> std::result::Result<Route, String> {
    let problem = |error: minijinja::Error| format!("pages: {error:#}");
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, source) in TEMPLATES {
        templates.add_template(name, source).map_err(problem)?;
    }
    let branding = &settings.branding;
    let logo = match branding.logo_url.as_str() {
        "" => "pages/logo.svg",
        url => url,
    };
    let policy = policy(&branding.logo_url);
    for (path, template, title, caching) in PAGES {
        let html = templates
            .get_template(template)
            .and_then(|template| {
                template.render(context! {
                    title => *title,
                    logo,
                    origins => origins.to_string(),
                    application => branding.name.as_str(),
                    script => template.name().replace(".html", ".js"),
                    playground => settings.serves_playground(),
                    min_length => settings.passwords.min_length,
                })
            })
            .map_err(problem)?;
        let document = Document {
            caching,
            ..Document::new(html, "text/html; charset=utf-8", &policy)
        };
        routes = routes.at(*path, get(document));
    }
    for (name, content) in STATIC {
        let document = Document::new((*content).to_owned(), content_type(name), &policy);
        routes = routes.at(format!("/pages/{name}"), get(document));
    }
    let brand = brand_style(&branding.color);
    Ok(routes.at(
        "/pages/brand.css",
        get(Document::new(brand, "text/css; charset=utf-8", &policy)),
    ))
}

/// The style sheet that names the brand's colours. What is no colour was refused with the settings.
fn brand_style(color: &str) -> String {
    let Some(palette) = Palette::of(color) else {
        return String::new();
    };
    let Palette {
        brand,
        on_brand,
        ink,
        ink_on_dark,
    } = palette;
    format!(
        ":root {{ --brand: {brand}; --on-brand: {on_brand}; --ink: {ink}; }}\n@media (prefers-color-scheme: dark) {{ :root {{ --ink: {ink_on_dark}; }} }}\n"
    )
}

/// Nothing may be loaded from elsewhere but the logo that the configuration names, and nothing runs
/// that does not come as a file of this server.
fn policy(logo_url: &str) -> String {
    let logo_origin = Url::parse(logo_url)
        .ok()
        .map(|url| format!(" {}", url.origin().ascii_serialization()))
        .unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'{logo_origin}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        _ => "image/svg+xml",
    }
}

/// Something that is sent alike to everybody.
#[derive(Clone)]
struct Document {
    body: Arc<str>,
    content_type: &'static str,
    policy: Arc<str>,
    tag: String,
    caching: &'static str,
}

impl Document {
    fn new(body: String, content_type: &'static str, policy: &str) -> Self {
        let digest = Sha256::digest(body.as_bytes());
        let tag = digest.iter().take(12).map(|byte| format!("{byte:02x}"));
        Self {
            tag: format!("\"{}\"", tag.collect::<String>()),
            policy: policy.into(),
            content_type,
            body: body.into(),
            caching: FRESH,
        }
    }
}

impl Endpoint for Document {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let is_known = request
            .headers()
            .get(IF_NONE_MATCH)
            .is_some_and(|tag| tag.as_bytes() == self.tag.as_bytes());
        let answer = Response::builder()
            .header(CONTENT_TYPE, self.content_type)
            .header(CACHE_CONTROL, self.caching)
            .header(ETAG, &self.tag)
            .header("content-security-policy", &*self.policy)
            // The address of a page may hold a token: no other server is told where one came from.
            .header("referrer-policy", "no-referrer");
        Ok(match is_known {
            true => answer.status(StatusCode::NOT_MODIFIED).finish(),
            false => answer.body(self.body.to_string()),
        })
    }
}
