//! Logging in (RFC 4954): with a password by PLAIN or LOGIN, with an access token by XOAUTH2 or
//! OAUTHBEARER. Where tokens come from is in `tokens.rs`.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use secrecy::ExposeSecret;

use super::{
    Server, Settings, Tls,
    connect::{Extensions, ask},
    error::{Connection, SmtpError},
    reply::Reply,
    tokens::Tokens,
    wire::Wire,
};

/// The server waits for more.
const CONTINUE: u16 = 334;

pub(super) async fn log_in(
    wire: &mut Wire,
    extensions: &Extensions,
    server: &Server,
) -> Result<(), SmtpError> {
    let settings = &server.settings;
    let Settings { host, username, .. } = settings.as_ref();
    if !wire.is_encrypted() && settings.tls != Tls::None {
        return Err(SmtpError::connecting(format!(
            "{host} does not offer STARTTLS, and the password is not sent unencrypted"
        )));
    }
    let offers = |mechanism: &str| extensions.auth.iter().any(|offered| offered == mechanism);
    let commands = match &server.tokens {
        None if offers("PLAIN") => vec![format!("AUTH PLAIN {}", plain(settings))],
        None if offers("LOGIN") => {
            let password = settings.password.expose_secret();
            vec![
                "AUTH LOGIN".into(),
                BASE64.encode(username),
                BASE64.encode(password),
            ]
        }
        Some(tokens) if offers("XOAUTH2") => xoauth2(username, tokens).await?,
        Some(tokens) if offers("OAUTHBEARER") => oauthbearer(settings, tokens).await?,
        tokens => return Err(nothing_in_common(host, tokens.is_some(), extensions)),
    };
    let mut commands = commands.into_iter();
    loop {
        let Some(command) = commands.next() else {
            return Err(SmtpError::connecting(format!(
                "{host} does not come to an end of AUTH"
            )));
        };
        let reply = ask(wire, &command, settings).await?;
        match reply.code {
            _ if reply.is_positive() => return Ok(()),
            CONTINUE => {}
            _ => return Err(refused(&reply, settings)),
        }
    }
}

/// Why the server does not let us in. Many refuse for reasons of their own, such as a directory that is
/// down, and no other password would help (RFC 4954 §6).
fn refused(reply: &Reply, settings: &Settings) -> SmtpError {
    let Settings { host, username, .. } = settings;
    let said = reply.reply_line();
    match reply.code {
        // "A password transition is needed": its user has to do something.
        432 => {}
        code if code / 100 == 4 || reply.says_temporary() => {
            return SmtpError::connecting(format!(
                "{host} cannot check credentials at the moment: it replied {said}"
            ));
        }
        // The command, or the mechanism.
        500..=504 | 534 | 538 => {
            return SmtpError::connecting(format!(
                "{host} does not let {username} log in this way: it replied {said}"
            ));
        }
        _ => {}
    }
    SmtpError {
        connection: Connection::LoginRefused,
        ..SmtpError::connecting(format!(
            "the credentials of {username} were rejected: {host} replied {said}"
        ))
    }
}

/// RFC 4616 §2
fn plain(settings: &Settings) -> String {
    let password = settings.password.expose_secret();
    BASE64.encode(format!("\0{}\0{password}", settings.username))
}

/// A server that refuses the token first says why, in a challenge; it refuses once that has been
/// answered, with nothing.
async fn xoauth2(username: &str, tokens: &Tokens) -> Result<Vec<String>, SmtpError> {
    let token = tokens.current().await?;
    let response = BASE64.encode(format!("user={username}\x01auth=Bearer {token}\x01\x01"));
    Ok(vec![format!("AUTH XOAUTH2 {response}"), String::new()])
}

/// RFC 7628 §3.1; the answer to a challenge is one octet (§3.2.3).
async fn oauthbearer(settings: &Settings, tokens: &Tokens) -> Result<Vec<String>, SmtpError> {
    let Settings { host, port, .. } = settings;
    // RFC 5801 §4
    let user = settings.username.replace('=', "=3D").replace(',', "=2C");
    let token = tokens.current().await?;
    let response = BASE64.encode(format!(
        "n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01"
    ));
    Ok(vec![
        format!("AUTH OAUTHBEARER {response}"),
        BASE64.encode("\x01"),
    ])
}

fn nothing_in_common(host: &str, has_token: bool, extensions: &Extensions) -> SmtpError {
    let offered = extensions.auth.join(", ");
    let takes_tokens = ["XOAUTH2", "OAUTHBEARER"]
        .iter()
        .any(|name| offered.contains(name));
    SmtpError::connecting(match has_token {
        true => format!("{host} offers neither AUTH XOAUTH2 nor AUTH OAUTHBEARER"),
        false if takes_tokens => format!(
            "{host} offers neither AUTH PLAIN nor AUTH LOGIN, but takes access tokens: set \
             oauth2_token_command or oauth2_token_file"
        ),
        false => format!("{host} offers neither AUTH PLAIN nor AUTH LOGIN"),
    })
}
