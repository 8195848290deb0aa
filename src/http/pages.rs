//! The hosted pages: what the links in e-mails lead to where a deployment has no front end of its
//! own.
//!
//! They are written once, at the start, from templates and the branding; nothing in them depends on
//! the request. Everything else they do in the browser, through the public API and nothing else.

mod errors;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use poem::{Route, get};
use url::Url;

pub use self::errors::ErrorPages;

use super::console;
use super::document::{Document, FRESH, NEVER, content_type};
use super::origins::AllowedOrigins;
use crate::color::Palette;
use crate::config::Config;

/// Name, title, and how long a browser may keep it. Its template, its script and, but for the
/// dashboard, its path are named as the page is.
const PAGES: &[(&str, &str, &str)] = &[
    (DASHBOARD, "Applications", FRESH),
    ("sign-in", "Sign in", FRESH),
    ("accept-invitation", "Welcome", NEVER),
    ("forgotten-password", "Forgotten password", FRESH),
    ("reset-password", "New password", NEVER),
    ("account", "Your account", FRESH),
];

/// The page at the root.
const DASHBOARD: &str = "dashboard";

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("pages/", $folder, "/", $name)))),*]
    };
}

const TEMPLATES: &[(&str, &str)] = files!("templates":
    "layout.html", "bar.html", "password.html", "dashboard.html", "sign-in.html", "accept-invitation.html",
    "forgotten-password.html", "reset-password.html", "account.html", "error.html", "console.html",
);

const STATIC: &[(&str, &str)] = files!("static":
    "pages.css", "logo.svg", "api.js", "forms.js", "link.js", "next.js", "others.js", "session.js", "strength.js",
    "bar.js", "dashboard.js", "sign-in.js", "accept-invitation.js", "forgotten-password.js", "reset-password.js", "account.js",
);

/// Adds the pages and what they load to the routes, and returns the pages for errors.
///
/// # Errors
///
/// A sentence that names the template: none that is tested is expected to fail.
pub fn add_to(
    mut routes: Route,
    settings: &Config,
    origins: &AllowedOrigins,
) -> Result<(Route, ErrorPages), String> {
    let look = Look::new(settings)?;
    for (name, title, caching) in PAGES {
        let html = look.render(
            &format!("{name}.html"),
            "",
            context! {
                title => *title,
                script => format!("{name}.js"),
                origins => origins.to_string(),
                min_length => settings.passwords.min_length,
            },
        )?;
        let path = if *name == DASHBOARD { "" } else { name };
        routes = routes.at(
            format!("/{path}"),
            get(Document::page(html, &look.policy, caching)),
        );
    }
    for (name, content) in STATIC {
        let document = Document::new((*content).to_owned(), content_type(name), &look.policy);
        routes = routes.at(format!("/pages/{name}"), get(document));
    }
    let page = context! { playground => settings.serves_playground() };
    let page = look.render("console.html", &look.root, page)?;
    let policy = console::policy(&look.policy);
    routes = console::add_to(routes, page, &policy);
    let brand = brand_style(&settings.branding.color);
    let brand = Document::new(brand, "text/css; charset=utf-8", &look.policy);
    let routes = routes.at("/pages/brand.css", get(brand));
    Ok((routes, ErrorPages::new(&look)?))
}

/// What all pages have in common.
struct Look {
    templates: Environment<'static>,
    application: String,
    logo_url: String,
    /// The path of the public address, up to its last slash.
    root: String,
    policy: String,
}

impl Look {
    fn new(settings: &Config) -> Result<Self, String> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(|_| AutoEscape::Html);
        for (name, source) in TEMPLATES {
            templates.add_template(name, source).map_err(problem)?;
        }
        let path = Url::parse(&settings.server.public_url).map(|url| url.path().to_owned());
        Ok(Self {
            templates,
            application: settings.branding.name.clone(),
            logo_url: settings.branding.logo_url.clone(),
            root: format!("{}/", path.unwrap_or_default().trim_end_matches('/')),
            policy: policy(&settings.branding.logo_url),
        })
    }

    /// `root` is what leads from the page's own address to the folder of all pages.
    fn render(&self, template: &str, root: &str, page: Value) -> Result<String, String> {
        let logo = match self.logo_url.as_str() {
            "" => format!("{root}pages/logo.svg"),
            url => url.to_owned(),
        };
        let application = &self.application;
        self.templates
            .get_template(template)
            .and_then(|template| template.render(context! { logo, root, application, ..page }))
            .map_err(problem)
    }

    /// A page for any address: how deep it is, is not known.
    fn render_error(&self, title: &str, text: &str) -> Result<String, String> {
        let page = context! { title, text, script => None::<&str> };
        self.render("error.html", &self.root, page)
    }
}

fn problem(error: minijinja::Error) -> String {
    format!("pages: {error:#}")
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
    let logo_origin = logo_origin(logo_url);
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'{logo_origin}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// For the end of a policy's list: nothing where this server has the logo itself.
pub(super) fn logo_origin(logo_url: &str) -> String {
    let url = Url::parse(logo_url).ok();
    url.map(|url| format!(" {}", url.origin().ascii_serialization()))
        .unwrap_or_default()
}
