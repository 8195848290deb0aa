//! What may be meant as it is set, and should be known to whoever answers for it.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::addresses::is_open_http;
use super::production::{smtp_goes_unencrypted, uses};
use super::{Config, Environment};

/// With more guesses than this, a password must not be relied upon (NIST SP 800-63B, section 5.2.2).
const MAX_GUESSES: u32 = 100;
/// What argon2id may cost at the least: the cheapest of the parameters that OWASP's Password Storage
/// Cheat Sheet calls equivalent, in KiB, and in KiB times passes.
const LEAST_MEMORY: u32 = 7_168;
const LEAST_WORK: u64 = 35_840;

impl Config {
    /// What is unsafe in most places but not refused, each in a sentence that names the key.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        match self.environment {
            Environment::Demo => warnings.extend(self.open_demo()),
            Environment::Production => self.warn_of_production(&mut warnings),
        }
        self.warn_of_proxies(&mut warnings);
        self.warn_of_openness(&mut warnings);
        warnings
    }

    /// A demo that others can reach.
    fn open_demo(&self) -> Option<String> {
        let bind = self.server.bind;
        if bind.ip().is_loopback() {
            return None;
        }
        let mut risks = vec!["unsafe settings are not refused"];
        if self.serves_playground() || self.allows_introspection() {
            risks.push("the playground and the schema are open to everybody");
        }
        if uses(self, "log") {
            risks.push("e-mails with secret links are printed to the log");
        }
        Some(format!(
            "environment: \"demo\" is for trying out, and server.bind = {bind} can be reached from other machines: {}. Set environment = \"production\", or bind to 127.0.0.1",
            risks.join("; ")
        ))
    }

    fn warn_of_production(&self, warnings: &mut Vec<String>) {
        let mut warn = |is_unsafe: bool, warning: String| {
            if is_unsafe {
                warnings.push(warning);
            }
        };
        let argon2 = &self.passwords.argon2;
        let work = u64::from(argon2.memory_kib) * u64::from(argon2.iterations);
        warn(
            argon2.memory_kib < LEAST_MEMORY || work < LEAST_WORK,
            "passwords.argon2: hashes are cheaper to guess than OWASP recommends; the defaults are memory_kib = 19456 and iterations = 2".to_owned(),
        );
        warn(
            self.passwords.min_score < 2,
            "passwords.min_score: passwords that are guessed within a million attempts are accepted".to_owned(),
        );
        warn(
            self.throttle
                .account_attempts
                .max(self.throttle.account_attempts_in_all)
                > MAX_GUESSES,
            format!(
                "throttle: more than {MAX_GUESSES} guesses at an account are not delayed (NIST SP 800-63B)"
            ),
        );
        warn(
            uses(self, "log"),
            "mail.log_in_production: e-mails with secret links are printed to the log".to_owned(),
        );
        warn(
            self.mail.redirect_all_to.is_some(),
            "mail.redirect_all_to: every e-mail, with its secret link, goes to that one address"
                .to_owned(),
        );
    }

    /// Throttling goes by the client's address, which only the proxy knows.
    fn warn_of_proxies(&self, warnings: &mut Vec<String>) {
        let server = &self.server;
        // The server itself speaks no TLS.
        let is_behind_proxy = server.public_url.starts_with("https:");
        if is_behind_proxy && server.trusted_proxies.is_empty() {
            warnings.push(
                "server.trusted_proxies: is empty, so all clients have the address of the proxy that serves server.public_url, and are throttled together; name the proxy's network".to_owned(),
            );
        }
        for network in &server.trusted_proxies {
            if network
                .trim()
                .parse()
                .is_ok_and(|network| is_of_many(&network))
            {
                warnings.push(format!(
                    "server.trusted_proxies: everybody in {network} is trusted, so a client there can claim any address and is not throttled; name the proxy's network"
                ));
            }
        }
    }

    /// What travels unencrypted, or is open to more people than the server itself.
    fn warn_of_openness(&self, warnings: &mut Vec<String>) {
        for origin in self
            .server
            .allowed_origins
            .iter()
            .filter(|origin| is_open_http(origin))
        {
            warnings.push(format!(
                "server.allowed_origins: {origin} is not encrypted; whoever is on the way can act as its users. Use https://"
            ));
        }
        let is_open = |address: SocketAddr| !address.ip().is_loopback();
        if let Some(metrics) = self.metrics.bind.filter(|address| is_open(*address))
            && !is_open(self.server.bind)
        {
            warnings.push(format!(
                "metrics.bind: {metrics} can be reached from other machines, unlike server.bind; everybody there can read the metrics"
            ));
        }
        let is_demo = self.environment == Environment::Demo;
        if is_demo && uses(self, "smtp") && smtp_goes_unencrypted(self) {
            warnings.push(
                "mail.smtp.tls: e-mails with secret links, and the password, travel unencrypted; use \"required\" or \"implicit\"".to_owned(),
            );
        }
        if is_demo && is_open_http(&self.server.public_url) {
            let url = &self.server.public_url;
            warnings.push(format!(
                "server.public_url: {url} is not encrypted; passwords and tokens could be intercepted. Use https://"
            ));
        }
    }
}

/// Whether a network is larger than any that one organisation has, such as a half of the internet. No
/// private one is (RFC 1918; RFC 4193, section 3), nor is that of a link.
fn is_of_many(network: &IpNet) -> bool {
    let (first, length) = (network.addr(), network.prefix_len());
    match first {
        IpAddr::V4(_) => length < 8,
        IpAddr::V6(first) if first.to_ipv4_mapped().is_some() => length < 96 + 8,
        IpAddr::V6(first) => {
            length < 16 && !first.is_unique_local() && !first.is_unicast_link_local()
        }
    }
}
