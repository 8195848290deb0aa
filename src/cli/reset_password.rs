//! `usher reset-password`: a way back in for whoever has the database at hand.

use usher::config::Config;
use usher::domain::EmailAddress;
use usher::domain::password_resets::{self, PrintedLink};
use usher::server;

use super::output::print_line;

/// Creates a link with which the user chooses a new password, and prints it.
pub async fn run(settings: Config, email: &str) -> Result<(), String> {
    let app = server::open_existing(settings)
        .await
        .map_err(|error| error.to_string())?;
    let outcome = password_resets::create_by_server(&app, email)
        .await
        .map_err(|error| format!("database: {}", error.explained()))?;
    match outcome {
        PrintedLink::Created { link, expires_at } => {
            let until = expires_at.to_utc().format("%-d %B %Y, %H:%M UTC");
            print_line(&format!(
                "With this link, {email} can choose a new password until {until}. No e-mail is sent.\n"
            ))?;
            print_line(&link)
        }
        PrintedLink::Unknown => match EmailAddress::parse(email) {
            Ok(email) => Err(format!("no user has the e-mail address {email}")),
            Err(error) => Err(error.to_string()),
        },
        PrintedLink::Invited => Err(format!(
            "{email} has been invited and has no password yet; for a new link to the invitation, resend it, or for an administrator run: usher invite-administrator {email}"
        )),
        PrintedLink::Deactivated => Err(format!(
            "{email} is deactivated and cannot sign in; an administrator has to reactivate them first"
        )),
    }
}
