//! What must hold of the configuration's values.

use std::time::Duration;

use secrecy::ExposeSecret;
use url::Url;

use super::{Config, production};
use crate::color::Palette;

impl Config {
    /// What contradicts itself, each in a sentence that names the key. What is of the wrong type, or
    /// not known at all, was refused before, when the layers were read.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut must = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        must(
            self.passwords.min_length >= 8,
            "passwords.min_length: must be at least 8 (NIST SP 800-63B)",
        );
        must(
            self.passwords.min_length <= 64,
            "passwords.min_length: must be at most 64, so that a password of 64 characters is always accepted (NIST SP 800-63B)",
        );
        must(
            self.passwords.min_score <= 4,
            "passwords.min_score: must be from 0 to 4",
        );
        must(
            self.mail.queue.workers >= 1,
            "mail.queue.workers: must be at least 1",
        );
        must(
            self.mail.queue.max_attempts >= 1,
            "mail.queue.max_attempts: must be at least 1",
        );
        must(
            self.mail.queue.lease >= Duration::from_secs(1),
            "mail.queue.lease: must be at least 1s",
        );
        must(
            self.database.max_connections >= 2,
            "database.max_connections: must be at least 2",
        );
        must(
            !self.branding.name.trim().is_empty()
                && self.branding.name.chars().count() <= 100
                && !self.branding.name.contains(char::is_control),
            "branding.name: must have 1 to 100 characters, without line breaks",
        );
        must(
            Palette::of(&self.branding.color).is_some(),
            "branding.color: must be a colour such as #1f4fd8",
        );
        must(
            self.branding.logo_url.is_empty() || is_web_address(&self.branding.logo_url),
            "branding.logo_url: must be the URL of an image (https://…) or empty",
        );
        for application in &self.applications {
            must(
                application.url.as_deref().is_none_or(is_web_address),
                &format!(
                    "applications: the url of {:?} must start with https:// or http://",
                    application.code
                ),
            );
        }
        for (key, link) in [
            ("links.invitation", &self.links.invitation),
            ("links.password_reset", &self.links.password_reset),
        ] {
            must(
                link.len() + self.server.public_url.len() <= 1_900,
                &format!("{key}: must have at most 1,900 characters, including server.public_url"),
            );
            must(
                link.contains("{token}"),
                &format!("{key}: must contain {{token}}, or the link does not work"),
            );
        }
        must(
            ["sqlite:", "postgres:", "postgresql:", "mysql:", "mariadb:"]
                .iter()
                .any(|scheme| self.database.url.expose_secret().starts_with(scheme)),
            "database.url: must start with sqlite://, postgres:// or mysql://",
        );
        must(
            self.server.max_connections >= 1,
            "server.max_connections: must be at least 1",
        );
        must(
            self.graphql.timeout < self.server.request_timeout,
            "server.request_timeout: must be longer than graphql.timeout, or the connection closes before the time-out error is sent",
        );
        problems.extend(production::problems(self));
        problems
    }
}

/// Nothing that a page links to may run in it, so `javascript:` and the like are none.
fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
