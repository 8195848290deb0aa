//! Messages: what a mail of the queue looks like to a transport, and to whoever reads its source.

use entity::email;
use transports::Mail;

use crate::domain::emails::{Email, MASK};
use crate::letters::RenderedLetter;

/// The message as a transport takes it, with the secret link in its place. Where all e-mails are
/// redirected to one address, it goes there; the queue knows whom it was for.
pub fn outgoing(email: &email::Model, redirect_all_to: Option<&str>) -> Mail {
    let link = email.secret_link.as_deref().unwrap_or_default();
    let mail = message(
        email,
        RenderedLetter::fill_in(&email.text_body, link),
        RenderedLetter::fill_in_html(&email.html_body, link),
    );
    match redirect_all_to {
        Some(address) => Mail {
            to: vec![address.to_owned()],
            ..mail
        },
        None => mail,
    }
}

/// The message as its reader may see it, as RFC 5322 has it.
///
/// # Errors
///
/// A sentence that says why the mail is none: it would be refused by every transport as well.
pub fn source(email: &Email) -> Result<String, String> {
    let mail = message(email.row(), email.text_body(), email.html_body());
    let octets = mail.format().map_err(|error| error.response)?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

/// What a transport said, without the secret link: a mail server that objects to it may quote it, and
/// whoever reads why a mail failed may not be one who may read its link.
pub fn without_link(email: &email::Model, response: &str) -> String {
    let Some(link) = &email.secret_link else {
        return response.to_owned();
    };
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    // The token is by far the longest word of its link.
    let token = link
        .split(|c| !is_of_token(c))
        .max_by_key(|word| word.len())
        .unwrap_or(link);
    response.replace(link, MASK).replace(token, MASK)
}

fn message(email: &email::Model, text: String, html: String) -> Mail {
    Mail {
        message_id: email.message_id.clone(),
        date: email.created_at.to_utc(),
        from: email.from_mailbox.clone(),
        to: email.to().map(str::to_owned).collect(),
        subject: email.subject.clone(),
        text,
        html: Some(html),
    }
}
