//! The addresses that people follow: the public URL, the links in e-mails, a logo, an application.

use serde::{Deserialize, Deserializer, de::Error};
use url::{Host, Url};

use super::secrets::without_credentials;

/// The longest link, in octets: a line of an e-mail is not longer (RFC 5322, section 2.1.1), and a
/// link is a line of its own.
const MAX_LINK: usize = 1_900;

/// Stands for a token where a link is tried. Like one, it differs in lower case.
const SAMPLE_TOKEN: &str = "Sample-Token";

/// The public URL, without a trailing slash.
pub(super) fn base_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let refuse = |problem: &str| {
        // Whatever stands before an @ may be a secret.
        D::Error::custom(if text.contains('@') {
            problem.to_owned()
        } else {
            format!("{problem}: {:?}", without_credentials(&text))
        })
    };
    let url = parse(&text).map_err(|problem| refuse(&problem))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse(
            "it is what links begin with, so it must have no query and no fragment",
        ));
    }
    let is_unspecified = match url.host() {
        Some(Host::Ipv4(address)) => address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_unspecified(),
        _ => false,
    };
    if is_unspecified || url.port() == Some(0) {
        return Err(refuse(
            "nobody can open that address; name the host that people use",
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Reads an address that a page or an e-mail may link to, or says why there must be no link to it.
///
/// Such a link must not run anything in the browser, as `javascript:` would, and not pretend to lead
/// elsewhere or give a password away, as one with user information does (RFC 3986, section 3.2.1).
pub(super) fn parse(text: &str) -> Result<Url, String> {
    if text.contains(char::is_whitespace) || text.contains(char::is_control) {
        return Err("must not contain blanks or line breaks".to_owned());
    }
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or("must be a URL that starts with https:// or http://")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or a password".to_owned());
    }
    Ok(url)
}

/// Why a pattern makes no link that works, if so.
pub(super) fn flaw_of_link(pattern: &str, public_url: &str) -> Option<String> {
    if pattern.len() + public_url.len() > MAX_LINK {
        return Some("must have at most 1,900 characters, including server.public_url".to_owned());
    }
    if !pattern.contains("{token}") {
        return Some("must contain {token}, or the link does not work".to_owned());
    }
    let link = pattern
        .replace("{public_url}", public_url)
        .replace("{token}", SAMPLE_TOKEN);
    if link.contains(['{', '}']) {
        return Some("must have no braces other than {public_url} and {token}".to_owned());
    }
    match parse(&link) {
        Err(problem) if problem.contains("starts with") => {
            Some("must start with {public_url}, https:// or http://".to_owned())
        }
        Err(problem) => Some(problem),
        Ok(url) if !url.as_str().contains(SAMPLE_TOKEN) => {
            Some("must have {token} behind the host, where it stays as it is".to_owned())
        }
        Ok(_) => None,
    }
}

/// Whether what goes there can be read on the way: http to another machine.
pub(super) fn is_open_http(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "http" && !url.host().is_some_and(is_loopback))
}

/// Whether that host is this machine.
pub fn is_loopback<S: AsRef<str>>(host: Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
