//! What is agreed on with one invitation: what it says, how long it is valid, where it leads, and whether it
//! is sent at all.

use std::time::Duration;

use entity::invitation;
use serde::Serialize;
use url::Url;

use crate::domain::actor::Actor;
use crate::domain::app::App;
use crate::domain::applications::EMAIL_QUEUE_VIEW_SENSITIVE;
use crate::domain::error::{UserError, UserErrorCode, UserErrors};
use crate::domain::text;

/// The longest message, in characters.
const MAX_MESSAGE_LENGTH: usize = 500;

/// The longest address of a page, in octets.
const MAX_URL_LENGTH: usize = 2000;

/// Nobody reads an e-mail and chooses a password in less time.
const VALID_FOR_AT_LEAST: Duration = Duration::from_secs(5 * 60);

/// What somebody wishes for an invitation, as they typed it. Empty are the usual terms.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Wishes {
    /// What the e-mail is to quote.
    pub message: Option<String>,
    /// How many seconds the link is to work.
    pub valid_for_seconds: Option<i64>,
    /// The page to lead to afterwards.
    pub redirect_url: Option<String>,
    /// Whether no e-mail is to be sent, and the link is returned instead.
    pub is_without_email: bool,
}

/// The terms of an invitation.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Plain text, which may have several lines.
    pub message: Option<String>,
    /// How long the link works.
    pub valid_for: Duration,
    /// A page on one of the origins in `links.redirect_origins`.
    pub redirect_url: Option<String>,
    /// Whether it is sent by e-mail. Otherwise, the inviter is shown the link.
    pub is_sent: bool,
}

impl Terms {
    /// Those of an invitation for which nothing is wished.
    pub fn usual(app: &App) -> Self {
        Self {
            message: None,
            valid_for: app.settings.invitations.valid_for,
            redirect_url: None,
            is_sent: true,
        }
    }

    /// What was wished, as far as it can be granted; the rest goes to the errors, for `message`,
    /// `validForSeconds`, `redirectUrl` and `sendEmail`.
    pub fn read(app: &App, actor: &Actor, wishes: &Wishes, errors: &mut UserErrors) -> Self {
        let message = wishes.message.as_deref().map(message);
        let valid_for = wishes.valid_for_seconds.map(|time| valid_for(app, time));
        let redirect_url = wishes.redirect_url.as_deref().map(|url| {
            let refused = |message| UserError::new(UserErrorCode::Invalid, "redirectUrl", message);
            allowed(app, url).map_err(refused)
        });
        let usual = Self::usual(app);
        if wishes.is_without_email && !actor.holds(&EMAIL_QUEUE_VIEW_SENSITIVE) {
            errors.push(UserError::new(
                UserErrorCode::ExceedsOwnPermissions,
                "sendEmail",
                "Only those who may see the links in e-mails can invite somebody without an e-mail.",
            ));
        }
        let message = message.and_then(|read| errors.check(read));
        if wishes.is_without_email && message.as_ref().is_some_and(|text| !text.is_empty()) {
            errors.push(UserError::new(
                UserErrorCode::Invalid,
                "message",
                "A message goes with the e-mail. Leave it out, or have the e-mail sent.",
            ));
        }
        Self {
            message: message.filter(|text| !text.is_empty()),
            valid_for: (valid_for.and_then(|read| errors.check(read))).unwrap_or(usual.valid_for),
            redirect_url: redirect_url.and_then(|read| errors.check(read)),
            is_sent: !wishes.is_without_email,
        }
    }
}

fn message(typed: &str) -> Result<String, UserError> {
    let text = text::lines("message", &typed.replace("\r\n", "\n"), MAX_MESSAGE_LENGTH)?;
    text::without_addresses("message", text)
}

fn valid_for(app: &App, seconds: i64) -> Result<Duration, UserError> {
    let settings = &app.settings.invitations;
    let at_most = Ord::max(settings.valid_for, settings.valid_for_at_most);
    let time = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    if time >= VALID_FOR_AT_LEAST && time <= at_most {
        return Ok(time);
    }
    let (from, to) = (VALID_FOR_AT_LEAST.as_secs(), at_most.as_secs());
    let message = format!("Enter a number of seconds from {from} to {to}.");
    Err(UserError::new(
        UserErrorCode::Invalid,
        "validForSeconds",
        message,
    ))
}

/// Where somebody is led who has accepted this invitation; nowhere, if the settings no longer allow it.
pub fn redirect_of(app: &App, invitation: &invitation::Model) -> Option<String> {
    allowed(app, invitation.redirect_url.as_deref()?).ok()
}

/// The page, as browsers read its address.
fn allowed(app: &App, url: &str) -> Result<String, &'static str> {
    // Browsers pass these over or take a backslash for a slash, and whoever compares addresses might not.
    let is_unsafe = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if url.len() > MAX_URL_LENGTH || url.contains(is_unsafe) {
        return Err("This is not the address of a page, or it is too long.");
    }
    let page = Url::parse(url)
        .map_err(|_| "Enter the whole address, such as https://app.example.com/start.")?;
    if !["http", "https"].contains(&page.scheme()) {
        return Err("The address must begin with https:// or http://.");
    }
    if !page.username().is_empty() || page.password().is_some() {
        return Err("The address must not have a user name or a password.");
    }
    let origins = app.settings.links.redirect_origins.iter();
    let is_of = |origin: &String| Url::parse(origin).is_ok_and(|it| it.origin() == page.origin());
    if !origins.into_iter().any(is_of) {
        return Err(
            "This server does not lead to that origin; links.redirect_origins names those that it may.",
        );
    }
    let page = String::from(page);
    if page.len() > MAX_URL_LENGTH {
        return Err("This is not the address of a page, or it is too long.");
    }
    Ok(page)
}
