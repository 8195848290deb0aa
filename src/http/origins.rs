//! The origins (RFC 6454) whose pages may use the session cookie and read responses: the server's own
//! and those in `server.allowed_origins`.

use std::fmt;

use psl::domain_str;
use url::{Host, Url};

use crate::config;

/// The names that a machine has for itself. A server on it goes by each of them.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The origins that are allowed, as browsers write them.
#[derive(Clone, Debug)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// The server's own, and `server.allowed_origins`.
    ///
    /// # Errors
    ///
    /// Sentences that name the entries which are no origins, and say what to write.
    pub fn new(settings: &config::Server) -> Result<Self, Vec<String>> {
        let mut origins = own_origins(&settings.public_url);
        let mut problems = Vec::new();
        for text in &settings.allowed_origins {
            match origin_in(text) {
                Ok(origin) => origins.push(origin),
                Err(problem) => {
                    problems.push(format!("server.allowed_origins: {text:?} {problem}"));
                }
            }
        }
        if problems.is_empty() {
            Ok(Self(origins))
        } else {
            Err(problems)
        }
    }

    pub(super) fn allow(&self, origin: &str) -> bool {
        self.0.iter().any(|allowed| allowed == origin)
    }

    /// What an operator should know of the allowed origins: browsers keep the session cookie, which is
    /// `SameSite=Lax`, for pages of the same site only, and tell nobody.
    pub fn warnings(settings: &config::Server) -> Vec<String> {
        let Ok(server) = Url::parse(&settings.public_url) else {
            return Vec::new();
        };
        let pages = settings.allowed_origins.iter();
        pages
            .filter_map(|text| Url::parse(&origin_in(text).ok()?).ok())
            .filter(|page| !is_same_site(page, &server))
            .map(|page| {
                let other_name = match (is_loopback(&page), is_loopback(&server), page.host_str()) {
                    (true, true, Some(host)) if page.scheme() == server.scheme() => {
                        let mut named = server.clone();
                        // Of a web address, the host can be set.
                        let _ = named.set_host(Some(host));
                        format!("call the server {} there, ", named.origin().ascii_serialization())
                    }
                    _ => String::new(),
                };
                format!(
                    "server.allowed_origins: {} is another site than {}, so browsers do not keep the session cookie for its pages: {other_name}let a proxy serve /graphql under the page's own origin, or send the token of signIn as `Authorization: Bearer`",
                    origin_of(&page),
                    settings.public_url,
                )
            })
            .collect()
    }
}

/// The origins, separated by blanks.
impl fmt::Display for AllowedOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// The public address's origin; a server on this machine goes by each of the machine's own names.
fn own_origins(public_url: &str) -> Vec<String> {
    let Ok(url) = Url::parse(public_url) else {
        return Vec::new();
    };
    let mut origins = vec![url.origin().ascii_serialization()];
    if is_loopback(&url) {
        for name in LOOPBACK {
            let mut named = url.clone();
            if named.set_host(Some(name)).is_ok() {
                origins.push(named.origin().ascii_serialization());
            }
        }
    }
    origins
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| LOOPBACK.contains(&host))
}

/// Reads an entry as browsers write it in `Origin`: in lower case, without a default port. Besides
/// those of web servers there are those of apps in a web view and of extensions, such as
/// `capacitor://localhost`.
fn origin_in(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.contains('*') {
        return Err("stands for pages of others as well; list each origin".to_owned());
    }
    if text == "null" {
        return Err("is what sandboxed pages and local files of anybody send; give the page an origin of its own".to_owned());
    }
    let url = Url::parse(text).ok();
    let Some((url, host)) = url.as_ref().and_then(|url| Some((url, named_host(url)?))) else {
        return Err(match Url::parse(&format!("https://{text}")) {
            Ok(url) if url.has_host() && !text.contains('/') => {
                format!("is not an origin; write the scheme as well, as in https://{text}")
            }
            _ => "is not an origin such as https://app.example.com".to_owned(),
        });
    };
    let origin = match (url.scheme(), url.port()) {
        ("http" | "https", _) => url.origin().ascii_serialization(),
        ("ws" | "wss" | "ftp" | "file", _) => {
            return Err("is not an origin of pages, such as https://app.example.com".to_owned());
        }
        (scheme, None) => format!("{scheme}://{host}").to_ascii_lowercase(),
        (scheme, Some(port)) => format!("{scheme}://{host}:{port}").to_ascii_lowercase(),
    };
    let is_bare = matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if is_bare {
        return Ok(origin);
    }
    Err(format!("is more than an origin; write {origin}"))
}

fn named_host(url: &Url) -> Option<&str> {
    url.host_str().filter(|host| !host.is_empty())
}

fn origin_of(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// Whether two origins belong to one site: the same scheme, and the same domain that somebody could
/// register (HTML Standard, "schemelessly same site" and "same site"). The Public Suffix List knows
/// which domains those are; in `shop.co.uk` and `shop.pages.dev` it is all three labels.
fn is_same_site(one: &Url, other: &Url) -> bool {
    let site = |url: &Url| match url.host()? {
        Host::Domain(name) => Some(domain_str(name).unwrap_or(name).to_owned()),
        address => Some(address.to_string()),
    };
    one.scheme() == other.scheme() && site(one).is_some() && site(one) == site(other)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://app.example.com", "https://app.example.com")]
    #[case("HTTPS://App.Example.com:443/", "https://app.example.com")]
    #[case("http://localhost:5173", "http://localhost:5173")]
    #[case("https://bücher.example", "https://xn--bcher-kva.example")]
    #[case("http://[::1]:3000", "http://[::1]:3000")]
    #[case("capacitor://localhost", "capacitor://localhost")]
    #[case("Tauri://LOCALHOST/", "tauri://localhost")]
    #[case("ionic://localhost", "ionic://localhost")]
    #[case("app://obsidian.md", "app://obsidian.md")]
    #[case("app://localhost:1420", "app://localhost:1420")]
    #[case(
        "chrome-extension://cjpalhdlnbpafiamejdnhcphjbkeiagm",
        "chrome-extension://cjpalhdlnbpafiamejdnhcphjbkeiagm"
    )]
    #[case(
        "moz-extension://5b1bd1fa-6b2c-4f2a-8b0c-5a3a64a4bb34",
        "moz-extension://5b1bd1fa-6b2c-4f2a-8b0c-5a3a64a4bb34"
    )]
    fn origins_are_compared_as_browsers_write_them(#[case] entry: &str, #[case] origin: &str) {
        assert_eq!(origin_in(entry).as_deref(), Ok(origin), "{entry}");
    }

    #[rstest]
    #[case("null", "sandboxed")]
    #[case("*", "list each")]
    #[case("app.example.com", "https://app.example.com")]
    #[case("localhost:5173", "scheme")]
    #[case("https://app.example.com/shop", "write https://app.example.com")]
    #[case("https://user@app.example.com", "write https://app.example.com")]
    #[case("https://app.example.com?a=b", "write https://app.example.com")]
    #[case("https://*.example.com", "list each")]
    #[case("capacitor://localhost/index.html", "write capacitor://localhost")]
    #[case("wss://app.example.com", "of pages")]
    #[case("file:///", "origin")]
    #[case("data:text/html,x", "origin")]
    #[case("javascript:alert(1)", "origin")]
    #[case("app://", "origin")]
    #[case("", "origin")]
    fn what_is_no_origin_is_refused_with_what_to_write(#[case] entry: &str, #[case] hint: &str) {
        let problem = origin_in(entry).expect_err(entry);
        assert!(problem.contains(hint), "{entry}: {problem}");
    }

    #[rstest]
    #[case("https://app.example.com", "https://people.example.com", true)]
    #[case("https://example.com", "https://people.example.com:8443", true)]
    #[case("http://localhost:5173", "http://localhost:8000", true)]
    #[case("http://192.168.1.5:3000", "http://192.168.1.5:8000", true)]
    #[case("http://localhost:5173", "http://127.0.0.1:8000", false)]
    #[case("http://192.168.1.6", "http://192.168.1.5", false)]
    #[case("http://app.example.com", "https://people.example.com", false)]
    #[case("https://one.co.uk", "https://two.co.uk", false)]
    #[case("https://app.one.co.uk", "https://one.co.uk", true)]
    #[case("https://front.pages.dev", "https://back.pages.dev", false)]
    #[case("https://app.example.org", "https://people.example.com", false)]
    #[case("capacitor://localhost", "http://localhost:8000", false)]
    fn sites_are_told_apart_as_browsers_do(
        #[case] page: &str,
        #[case] server: &str,
        #[case] same: bool,
    ) {
        let (one, other) = (Url::parse(page).unwrap(), Url::parse(server).unwrap());
        assert_eq!(is_same_site(&one, &other), same, "{page} and {server}");
    }
}
