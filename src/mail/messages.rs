//! Messages: what a mail of the queue looks like to a transport, and to whoever reads its source.

use entity::email;
use transports::{Mail, Secret};

use crate::domain::emails::{Email, MASK};
use crate::domain::links::address;
use crate::domain::{App, tokens};
use crate::email_templates::RenderedEmail;

/// The message as a transport takes it, with the secret link in its place, as the settings have it now.
/// Where all e-mails are redirected to one address, it goes there; the queue knows whom it was for.
pub fn outgoing(app: &App, email: &email::Model) -> Mail {
    let secret_link = address::of_email(app, email);
    let link = secret_link.as_deref().unwrap_or_default();
    let mut mail = message(
        email,
        RenderedEmail::with_link(&email.text_body, link),
        RenderedEmail::with_link_html(&email.html_body, link),
    );
    mail.secrets = secret_link.as_deref().map(secrets).unwrap_or_default();
    match &app.redirect_all_to {
        Some(address) => Mail {
            to: vec![address.as_typed().to_owned()],
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

/// The display name of whom the mail is from, which may be empty, and the address. What is no mailbox, which no
/// transport takes, is all address.
pub fn sender(email: &email::Model) -> (String, String) {
    let parts = transports::parts_of(&email.from_mailbox);
    parts.unwrap_or_else(|| (String::new(), email.from_mailbox.clone()))
}

/// The link, and its token, of which a part is secret too. Other words of the link that could be the
/// token by their length are taken for one: which template it was made from is not known any more.
fn secrets(link: &str) -> Vec<Secret> {
    let tokens = link
        .split(|c| !tokens::is_of_token(c))
        .filter(|word| word.len() >= tokens::LENGTH)
        .map(|word| Secret::random(word, MASK));
    [Secret::whole(link, MASK)]
        .into_iter()
        .chain(tokens)
        .collect()
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
        secrets: Vec::new(),
    }
}
