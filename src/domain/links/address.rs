//! The address that a secret link has: the configured pattern with the configured public address and a
//! token.
//!
//! An e-mail may wait for hours, and the settings be changed meanwhile. So its link is stored with the place of
//! its token, and built anew whenever the e-mail is sent or shown.

use entity::email;

use crate::config::Links;
use crate::domain::app::App;
use crate::domain::tokens::{self, Token};

/// The link that an e-mail is queued with.
#[derive(Clone)]
pub struct SecretLink {
    /// As the settings have it now.
    pub url: String,
    /// Where its token begins, in octets.
    pub token_at: Option<i16>,
}

impl std::fmt::Debug for SecretLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretLink(…)")
    }
}

impl SecretLink {
    /// The link of an invitation.
    pub fn of_invitation(app: &App, token: &Token) -> Self {
        Self::new(app, &app.settings.links.invitation, token)
    }

    /// The link with which a password is chosen.
    pub fn of_password_reset(app: &App, token: &Token) -> Self {
        Self::new(app, &app.settings.links.password_reset, token)
    }

    fn new(app: &App, pattern: &str, token: &Token) -> Self {
        let url = url(app, pattern, token.expose());
        let token_at = url.find(token.expose()).map(i16::try_from);
        Self {
            token_at: token_at.and_then(Result::ok),
            url,
        }
    }
}

/// The link of an e-mail as the settings have it now; none, once it has served its purpose. One whose token has
/// no known place was queued by an earlier version, and is as it was then.
pub fn of_email(app: &App, email: &email::Model) -> Option<String> {
    let stored = email.secret_link.as_deref()?;
    Some(match token(stored, email.token_at) {
        Some(token) => url(app, pattern(&app.settings.links, email), token),
        None => stored.to_owned(),
    })
}

fn token(link: &str, at: Option<i16>) -> Option<&str> {
    let at = usize::try_from(at?).ok()?;
    let token = link.get(at..)?.get(..tokens::LENGTH)?;
    tokens::could_be(token).then_some(token)
}

fn pattern<'a>(links: &'a Links, email: &email::Model) -> &'a str {
    if email.password_reset_id.is_some() {
        &links.password_reset
    } else {
        &links.invitation
    }
}

fn url(app: &App, pattern: &str, token: &str) -> String {
    pattern
        .replace("{public_url}", &app.settings.server.public_url)
        .replace("{token}", token)
}
