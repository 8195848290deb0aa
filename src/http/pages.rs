//! Plain pages that say what to do at an address that a person may open.

use std::sync::Arc;

use poem::handler;
use poem::web::{Data, Query};
use serde::Deserialize;

use crate::app::App;

/// `GET /`
#[handler]
pub fn home(app: Data<&Arc<App>>) -> String {
    let url = &app.settings.server.public_url;
    format!(
        "{} is run by Usher.\n\nGraphQL API: {url}/graphql\nPlayground:  {url}/playground\n",
        app.settings.branding.name
    )
}

/// `GET /playground`
#[handler]
pub fn playground(app: Data<&Arc<App>>) -> String {
    let url = &app.settings.server.public_url;
    format!(
        "Point any GraphQL client at {url}/graphql, or try:\n\n  curl {url}/graphql --json '{{\"query\": \"{{ passwordPolicy {{ minLength }} }}\"}}'\n"
    )
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
}

/// `GET /accept-invitation?token=…`: how to accept without a front end. Looking at it uses nothing
/// up.
#[handler]
pub fn accept_invitation(app: Data<&Arc<App>>, link: Query<Link>) -> String {
    let url = &app.settings.server.public_url;
    // Nothing but a token is repeated: what else stands in the address, anybody may have written.
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let token = match link.token.chars().all(is_token) && link.token.len() <= 64 {
        true => link.token.as_str(),
        false => "",
    };
    format!(
        "You have been invited to join {}. To accept, choose a password and send:\n\n\
         curl {url}/graphql --json '{{\n  \
         \"query\": \"mutation($input: AcceptInvitationInput!) {{ acceptInvitation(input: $input) {{ token userErrors {{ field message }} }} }}\",\n  \
         \"variables\": {{ \"input\": {{ \"token\": \"{token}\", \"password\": \"…\" }} }}\n\
         }}'\n",
        app.settings.branding.name
    )
}
