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

use crate::color::Palette;
use crate::config::Config;

/// Path, template and title.
const PAGES: &[(&str, &str, &str)] = &[
    ("/", "dashboard.html", "Applications"),
    ("/sign-in", "sign-in.html", "Sign in"),
    ("/accept-invitation", "accept-invitation.html", "Welcome"),
    (
        "/forgotten-password",
        "forgotten-password.html",
        "Forgotten password",
    ),
    ("/reset-password", "reset-password.html", "New password"),
    ("/account", "account.html", "Your account"),
];

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
    "pages.css", "logo.svg", "api.js", "forms.js", "strength.js", "dashboard.js", "sign-in.js",
    "accept-invitation.js", "forgotten-password.js", "reset-password.js", "account.js",
);

/// Adds the pages and what they load to the routes.
///
/// # Errors
///
/// A sentence that names the template: none that is tested is expected to fail.
pub fn add_to(mut routes: Route, settings: &Config) -> std::result::Result<Route, String> {
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
    for (path, template, title) in PAGES {
        let html = templates
            .get_template(template)
            .and_then(|template| {
                template.render(context! {
                    title => *title,
                    logo,
                    application => branding.name.as_str(),
                    script => template.name().replace(".html", ".js"),
                    playground => settings.serves_playground(),
                    min_length => settings.passwords.min_length,
                })
            })
            .map_err(problem)?;
        routes = routes.at(
            *path,
            get(Document::new(html, "text/html; charset=utf-8", &policy)),
        );
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
struct Document(Arc<Sent>);

struct Sent {
    body: String,
    content_type: &'static str,
    policy: String,
    tag: String,
}

impl Document {
    fn new(body: String, content_type: &'static str, policy: &str) -> Self {
        let digest = Sha256::digest(body.as_bytes());
        let tag = digest.iter().take(12).map(|byte| format!("{byte:02x}"));
        Self(Arc::new(Sent {
            tag: format!("\"{}\"", tag.collect::<String>()),
            policy: policy.to_owned(),
            content_type,
            body,
        }))
    }
}

impl Endpoint for Document {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let sent = &self.0;
        let is_known = request
            .headers()
            .get(IF_NONE_MATCH)
            .is_some_and(|tag| tag.as_bytes() == sent.tag.as_bytes());
        let answer = Response::builder()
            .header(CONTENT_TYPE, sent.content_type)
            .header(CACHE_CONTROL, "no-cache")
            .header(ETAG, &sent.tag)
            .header("content-security-policy", &sent.policy)
            // The address of a page may hold a token: no other server is told where one came from.
            .header("referrer-policy", "no-referrer");
        Ok(match is_known {
            true => answer.status(StatusCode::NOT_MODIFIED).finish(),
            false => answer.body(sent.body.clone()),
        })
    }
}
