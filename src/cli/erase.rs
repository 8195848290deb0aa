//! `usher erase`: whatever says who a person is leaves the database, whether or not they have an account. It works
//! beside a running server.

use std::io::{IsTerminal, stdin};

use usher::config::Config;
use usher::domain::erasure::{self, Found};
use usher::domain::users::{self, Traces, User};
use usher::domain::{Actor, App, EmailAddress, Error, email_address};
use usher::server;

use super::output::{eprint_line, print_line};

/// Erases a person, unless whoever asks for it does not mean it after all.
pub async fn run(settings: Config, email: &str, yes: bool) -> Result<(), String> {
    let address = EmailAddress::parse(email).map_err(|error| format!("{email}: {error}"))?;
    let app = server::open_existing(settings)
        .await
        .map_err(|error| error.to_string())?;
    let account = email_address::account(email);
    let user = users::find_by_email(&app, app.db.read(), &account)
        .await
        .map_err(failed)?;
    if !yes && !is_meant(&address, user.as_ref())? {
        return Err("nothing was erased".to_owned());
    }
    match user {
        Some(user) => {
            users::delete(
                &app,
                &Actor::server(),
                Some(user.row.id).into(),
                Traces::Erased,
            )
            .await
            .map_err(failed)?;
            print_line(&format!("{address} is deleted, and erased."))?;
        }
        None => without_account(&app, &address).await?,
    }
    erasure::compact_search(&app).await.map_err(failed)?;
    print_line(
        "Not reached: backups, logs, and e-mails that were sent. docs/personal-data.md says more.",
    )
}

async fn without_account(app: &App, address: &EmailAddress) -> Result<(), String> {
    let found = erasure::of_address(app, &Actor::server(), address)
        .await
        .map_err(failed)?;
    match found {
        Found::Traces => print_line(&format!("What was left of {address} is erased.")),
        Found::Nothing => Err(format!("there is no trace of {address}")),
        Found::Renamed(now) => Err(format!(
            "{address} was the address of a user who has {now} now; to erase them, run: usher erase {now}"
        )),
    }
}

/// Asks whoever is at the terminal. Where nobody is, nobody can have meant it.
fn is_meant(address: &EmailAddress, user: Option<&User>) -> Result<bool, String> {
    if !stdin().is_terminal() {
        return Err("erasing cannot be undone; to do it without being asked, add --yes".to_owned());
    }
    eprint_line(&match user {
        Some(user) => format!(
            "{} ({address}) will be deleted and erased. This cannot be undone. Type the address to go on:",
            user.display_name()
        ),
        None => format!(
            "{address} has no account. What is left of it will be erased. This cannot be undone. Type the address to go on:"
        ),
    });
    let mut typed = String::new();
    stdin()
        .read_line(&mut typed)
        .map_err(|error| format!("cannot read standard input: {error}"))?;
    Ok(email_address::account(typed.trim()) == email_address::account(address.as_typed()))
}

fn failed(error: Error) -> String {
    match error {
        Error::Refused(errors) => {
            let said = errors.iter().map(|error| error.message.as_str());
            said.collect::<Vec<_>>().join("\n")
        }
        error => format!("database: {}", error.explained()),
    }
}
