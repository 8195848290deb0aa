//! `usher invite-administrator`: a way in for whoever has the database at hand.

use usher::config::Config;
use usher::domain::EmailAddress;
use usher::domain::setup::{self, NewAdministrator};
use usher::server;

use super::output::print_line;

/// Invites them, and prints the link.
pub async fn run(settings: Config, email: &str) -> Result<(), String> {
    let email = EmailAddress::parse(email).map_err(|error| error.to_string())?;
    let app = server::open_existing(settings)
        .await
        .map_err(|error| error.to_string())?;
    let outcome = setup::invite_administrator(&app, &email)
        .await
        .map_err(|error| format!("database: {}", error.explained()))?;
    match outcome {
        NewAdministrator::Invited(invited) => {
            print_line(&format!(
                "{email} has been invited as an administrator. Links sent earlier no longer work."
            ))?;
            print_line("The e-mail is in the queue. It contains this link:\n")?;
            print_line(invited.link.as_deref().unwrap_or_default())
        }
        NewAdministrator::Promoted { link } => {
            print_line(&format!(
                "{email} already had an account, which holds the Administrator role now. It has been signed out everywhere, and its password no longer works: whoever set it up may know it."
            ))?;
            print_line(
                "An e-mail with a link for choosing a new one is in the queue. It contains this link:\n",
            )?;
            print_line(&link)
        }
        NewAdministrator::Active => print_line(&format!(
            "{email} already has an account and holds the Administrator role; nothing was changed.\nFor a link for choosing a new password: usher reset-password {email}"
        )),
        NewAdministrator::Deactivated => Err(format!(
            "{email} is deactivated; another administrator has to reactivate them first"
        )),
    }
}
