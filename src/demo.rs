//! The demo's data: people in every state, roles, e-mails in every status with their attempts, and
//! the events that all of this leaves behind.
//!
//! It is made by the same operations that the API calls, nine days ago and since, by a clock that
//! was set back; only what no operation can bring about at will is written into the tables.

use std::sync::Arc;
use std::time::Duration;

use entity::RoleId;

use crate::config;
use crate::domain::App;
use crate::domain::applications::Permission;
use crate::domain::emails::administration;
use crate::domain::emails::delivery::{self, Claim, Outcome, Verdict};
use crate::domain::error::{Error, Result};
use crate::domain::invitations::{self, Acceptance, Invited, NewUser, Subject};
use crate::domain::passwords::Password;
use crate::domain::roles::{self, NewRole};
use crate::domain::setup::{self, NewAdministrator};
use crate::domain::{Actor, Client, EmailAddress, SignedIn, users};

/// Somebody to sign in as.
#[derive(Clone, Copy, Debug)]
pub struct Persona {
    /// Given and family name.
    pub name: (&'static str, &'static str),
    /// What they sign in with.
    pub email: &'static str,
    /// The password, which everybody knows.
    pub password: &'static str,
    /// The name of their role.
    pub role: &'static str,
}

/// The one whom the setup invites; holds every permission.
pub const ADMINISTRATOR: Persona = Persona {
    name: ("Ada", "Weber"),
    email: "admin@example.com",
    password: "walrus-teapot-93-orbit",
    role: "Administrator",
};

/// Manages two of the three applications.
pub const LAURA: Persona = Persona {
    name: ("Laura", "Miller"),
    email: "lauram@kbank.com",
    password: "otter-lantern-47-maple",
    role: "Digital Channel Manager",
};

/// May look at everything, and change nothing.
pub const AUDITOR: Persona = Persona {
    name: ("Peter", "Novak"),
    email: "peter.novak@kbank.com",
    password: "heron-biscuit-28-canal",
    role: "Auditor",
};

/// Is deactivated.
const DEACTIVATED: Persona = Persona {
    name: ("Tom", "Brandt"),
    email: "tom.brandt@kbank.com",
    password: "magpie-saddle-61-frost",
    role: "Digital Channel Manager",
};

/// Those who can sign in.
pub const PERSONAS: &[Persona] = &[ADMINISTRATOR, LAURA, AUDITOR];

/// How long ago the demo begins.
const PAST: Duration = Duration::from_secs(9 * 24 * 60 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const MOMENT: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The applications that the demo's dashboard shows beside the server's own.
pub fn applications() -> Vec<config::Application> {
    [
        (
            "content-hub",
            "Content hub",
            "Texts and pictures for every channel.",
            &["view", "create", "update", "delete"][..],
        ),
        (
            "channel-management",
            "Channel management",
            "Websites, apps and newsletters.",
            &["view", "update"],
        ),
        (
            "digital-marketing",
            "Digital marketing",
            "Campaigns and their results.",
            &["view", "create"],
        ),
    ]
    .map(|(code, name, description, actions)| config::Application {
        code: code.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        url: Some(format!("https://{code}.example.com/")),
    })
    .into()
}

/// Fills an empty database.
pub async fn fill(app: &App) -> Result<()> {
    app.clock.set_back(PAST);
    let administrator = first_administrator(app).await?;
    let manager = role(
        app,
        &administrator,
        LAURA.role,
        "Runs the digital channels.",
        &["content-hub.create", "channel-management.update"],
    )
    .await?;
    let auditor = role(
        app,
        &administrator,
        AUDITOR.role,
        "Reviews permissions and the event log.",
        &[
            "users.view",
            "roles.view",
            "email-queue.view",
            "event-log.view",
        ],
    )
    .await?;

    for (persona, role) in [(LAURA, manager), (AUDITOR, auditor), (DEACTIVATED, manager)] {
        app.clock.advance(HOUR);
        let invited = invite(app, &administrator, persona.name, persona.email, role).await?;
        deliver(app, persona.email, delivered()).await?;
        app.clock.advance(HOUR);
        accept(app, &invited, persona).await?;
    }
    let eva = ("Eva", "Lang");
    invite(app, &administrator, eva, "eva.lang@kbank.com", auditor).await?;
    deliver(app, "eva.lang@kbank.com", delivered()).await?;
    app.clock.advance(DAY * 3);
    deactivate(app, &administrator, DEACTIVATED.email).await?;
    let paul = ("Paul", "Adams");
    let invited = invite(app, &administrator, paul, "paul.adams@kbank.com", manager).await?;
    deliver(app, "paul.adams@kbank.com", delivered()).await?;
    let subject = Subject::Invitation(Some(invited.invitation.id));
    invitations::revoke(app, &administrator, subject).await?;
    administration::send_test(app, &administrator, ADMINISTRATOR.email, None).await?;
    deliver(app, ADMINISTRATOR.email, delivered()).await?;

    // Yesterday.
    app.clock.advance(DAY * 5);
    let mia = ("Mia", "Fischer");
    invite(app, &administrator, mia, "mia.fisher@kbank.com", manager).await?;
    let unknown = "550 5.1.1 <mia.fisher@kbank.com>: no such user";
    let bounced = outcome(Verdict::Permanent, unknown);
    deliver(app, "mia.fisher@kbank.com", bounced).await?;
    invite_administrator(app, "grace.okafor@kbank.com").await?;
    // A new link cancels the e-mail with the old one.
    invite_administrator(app, "grace.okafor@kbank.com").await?;
    deliver(app, "grace.okafor@kbank.com", delivered()).await?;
    leave_one_sending(app, &administrator, manager).await?;
    hard_to_reach(app, &administrator, manager).await
}

async fn first_administrator(app: &App) -> Result<Actor> {
    let invited = invite_administrator(app, ADMINISTRATOR.email).await?;
    deliver(app, ADMINISTRATOR.email, delivered()).await?;
    accept(app, &invited, ADMINISTRATOR).await
}

/// Invites an administrator as the server's command does.
async fn invite_administrator(app: &App, email: &str) -> Result<Invited> {
    match setup::invite_administrator(app, &address(email)?).await? {
        NewAdministrator::Invited(invited) => Ok(*invited),
        other => Err(Error::internal(format!("{email}: {other:?}"))),
    }
}

async fn role(
    app: &App,
    actor: &Actor,
    name: &str,
    description: &str,
    permissions: &[&str],
) -> Result<RoleId> {
    let new = NewRole {
        name: name.to_owned(),
        code_name: None,
        description: description.to_owned(),
        permissions: permissions
            .iter()
            // A deployment may declare an application of that name with other actions.
            .filter(|code| app.catalogue.declares(&Permission::from_code(**code)))
            .map(|code| (*code).to_owned())
            .collect(),
    };
    Ok(roles::create(app, actor, new).await?.row.id)
}

async fn invite(
    app: &App,
    actor: &Actor,
    (first_name, last_name): (&str, &str),
    email: &str,
    role: RoleId,
) -> Result<Invited> {
    let new = NewUser {
        email: email.to_owned(),
        first_name: first_name.to_owned(),
        last_name: last_name.to_owned(),
        role_ids: vec![Some(role)],
        ..NewUser::default()
    };
    invitations::invite(app, actor, new, None).await
}

async fn accept(app: &App, invited: &Invited, persona: Persona) -> Result<Actor> {
    let client = Client {
        ip_address: Some([192, 0, 2, 17].into()),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0".to_owned()),
        ..Client::default()
    };
    let acceptance = Acceptance {
        token: token_in(app, invited.link.as_deref().unwrap_or_default()).to_owned(),
        password: Password::new(persona.password),
        first_name: Some(persona.name.0.to_owned()),
        last_name: Some(persona.name.1.to_owned()),
    };
    let stranger = Actor::anonymous(client.clone());
    let accepted = invitations::accept(app, &stranger, acceptance).await?;
    let signed_in: Arc<SignedIn> = accepted.session.signed_in;
    Ok(Actor::user(signed_in, client))
}

/// What stands in the link where its pattern has the token.
fn token_in<'a>(app: &App, link: &'a str) -> &'a str {
    let settings = &app.settings;
    let pattern = settings
        .links
        .invitation
        .replace("{public_url}", &settings.server.public_url);
    let (before, after) = pattern.split_once("{token}").unwrap_or_default();
    // The token may stand in it again further on, and is as long there.
    let times = after.matches("{token}").count() + 1;
    let length = (link.len() + times * "{token}".len() - pattern.len()) / times;
    link.get(before.len()..before.len() + length)
        .unwrap_or_default()
}

async fn deactivate(app: &App, actor: &Actor, email: &str) -> Result<()> {
    let user = users::find_by_email(app, app.db.read(), address(email)?.normal()).await?;
    users::deactivate(app, actor, user.map(|user| user.row.id).into()).await?;
    Ok(())
}

/// An e-mail that a worker has claimed, and has not reported on for an hour to come.
async fn leave_one_sending(app: &App, actor: &Actor, role: RoleId) -> Result<()> {
    let address = "noah.silva@kbank.com";
    invite(app, actor, ("Noah", "Silva"), address, role).await?;
    let claim = claim(app, address).await?;
    delivery::keep(app, &claim, app.clock.now().after(DAY + HOUR)).await
}

/// An e-mail that a mail server has put off four times, the last time just now.
async fn hard_to_reach(app: &App, actor: &Actor, role: RoleId) -> Result<()> {
    let queue = &app.settings.mail.queue;
    let doubled = |times: u32| queue.retry_after.saturating_mul(1 << times);
    let waits = [0, 1, 2].map(|times| doubled(times).mul_f64(1.3));
    // So that the last attempt was made a moment ago, and nothing in the time to come.
    let ago = Duration::from_micros(app.clock.ahead().unsigned_abs());
    app.clock
        .advance(ago.saturating_sub(waits.iter().sum::<Duration>() + MOMENT));
    let address = "ines.costa@kbank.com";
    invite(app, actor, ("Inês", "Costa"), address, role).await?;
    let busy = "450 4.2.1 mailbox busy, try again later";
    deliver(app, address, outcome(Verdict::Transient, busy)).await?;
    for wait in waits {
        app.clock.advance(wait);
        deliver(app, address, outcome(Verdict::Transient, busy)).await?;
    }
    Ok(())
}

async fn deliver(app: &App, to: &str, outcome: Outcome) -> Result<()> {
    let claim = claim(app, to).await?;
    delivery::record(app, &claim, &outcome).await
}

/// The one e-mail that is due, which is to that address.
async fn claim(app: &App, to: &str) -> Result<Claim> {
    let claims = delivery::claim(app, "smtp", 1).await?;
    claims
        .into_iter()
        .find(|claim| claim.email.to().any(|address| address == to))
        .ok_or_else(|| Error::internal(format!("no e-mail to {to} is due")))
}

fn delivered() -> Outcome {
    outcome(Verdict::Delivered, "250 2.0.0 Ok: queued as 4bXq7T2m1z")
}

fn outcome(verdict: Verdict, response: &str) -> Outcome {
    Outcome {
        transport: "smtp".to_owned(),
        response: response.to_owned(),
        verdict,
    }
}

fn address(email: &str) -> Result<EmailAddress> {
    EmailAddress::parse(email).map_err(Error::internal)
}
