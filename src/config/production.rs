//! What is fine for trying the server out, and unsafe in use.

use url::Host;

use super::addresses::{is_loopback, is_open_http};
use super::{Config, Environment};

/// What `environment = "production"` refuses, each in a sentence that says how to mend it.
pub(super) fn problems(config: &Config) -> Vec<String> {
    if config.environment != Environment::Production {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let mut refuse = |is_unsafe: bool, problem: &str| {
        if is_unsafe {
            problems.push(format!("{problem} (environment is \"production\")"));
        }
    };
    refuse(
        uses(config, "log") && !config.mail.log_in_production,
        "mail.transport: log prints e-mails with their secret links; choose another transport, or set mail.log_in_production = true",
    );
    refuse(
        is_open_http(&config.server.public_url),
        "server.public_url: passwords and tokens would travel unencrypted; use https://",
    );
    for (key, link) in config.links.all() {
        refuse(
            is_open_http(link),
            &format!("{key}: tokens would travel unencrypted; use https://"),
        );
    }
    refuse(
        config.mail.from.domain().is_some_and(is_example),
        "mail.from: must be your own address, not an example",
    );
    refuse(
        uses(config, "smtp") && smtp_goes_unencrypted(config),
        "mail.smtp.tls: e-mails with secret links would travel unencrypted; use \"required\" or \"implicit\"",
    );
    problems
}

/// Whether mails can go by that transport.
pub(super) fn uses(config: &Config, transport: &str) -> bool {
    let mail = &config.mail;
    let is_among_several = || {
        let others = mail.transports.get("failover")?.get("transports")?;
        Some(others.as_array()?.iter().any(|other| other == transport))
    };
    mail.transport == transport
        || (mail.transport == "failover" && is_among_several().unwrap_or(false))
}

/// The domains that nobody can have (RFC 2606).
fn is_example(domain: &str) -> bool {
    let domain = domain.to_lowercase();
    ["example.com", "example.org", "example.net"].contains(&domain.as_str())
        || domain.ends_with(".example")
}

pub(super) fn smtp_goes_unencrypted(config: &Config) -> bool {
    let Some(smtp) = config.mail.transports.get("smtp") else {
        return false;
    };
    let text = |key: &str| smtp.get(key).and_then(|value| value.as_str());
    let is_local = text("host")
        .and_then(|host| Host::parse(host).ok())
        .is_some_and(is_loopback);
    matches!(text("tls"), Some("none" | "opportunistic")) && !is_local
}
