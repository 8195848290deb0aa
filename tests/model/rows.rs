//! What is in the database, read between two steps, when nothing goes on.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    EmailId, EventId, Timestamp, UserId, email, email_attempt, email_queue, event, invitation,
    password_reset, password_reset_request, role, role_permission, session, user, user_role,
};
use sea_orm::EntityTrait;
use usher::domain::{App, tokens};

use crate::rules::Mail;
use crate::world::{EVERYTHING, News, Seen, SeenUser};

/// Events that tell of something that was not done, or not changed.
const NO_CHANGE: [&str; 5] = [
    "permission.refused",
    "session.refused",
    "session.throttled",
    "password.refused",
    "email.link-shown",
];

/// All of it.
pub struct Rows {
    pub now: Timestamp,
    pub users: Vec<user::Model>,
    pub roles: Vec<role::Model>,
    granted: Vec<role_permission::Model>,
    held: Vec<user_role::Model>,
    pub invitations: Vec<invitation::Model>,
    pub resets: Vec<password_reset::Model>,
    pub sessions: Vec<session::Model>,
    /// The newest first.
    pub emails: Vec<email::Model>,
    pub attempts: Vec<email_attempt::Model>,
    events: Vec<event::Model>,
    requests: Vec<password_reset_request::Model>,
    is_paused: bool,
}

impl Rows {
    pub async fn read(app: &App) -> Self {
        let (db, source) = (&app.db, app.db.read());
        // First what the worker still has to do: if that is nothing, nothing changes any more.
        let requests = password_reset_request::Entity::find();
        let requests = db.all(source, requests).await.unwrap();
        let mut emails = db.all(source, email::Entity::find()).await.unwrap();
        emails.sort_by_key(|email| std::cmp::Reverse(email.id));
        let queue = email_queue::Entity::find();
        let queue = db.all(source, queue).await.unwrap();
        let held = db.all(source, user_role::Entity::find()).await.unwrap();
        let granted = role_permission::Entity::find();
        Self {
            now: app.clock.now(),
            users: db.all(source, user::Entity::find()).await.unwrap(),
            roles: db.all(source, role::Entity::find()).await.unwrap(),
            granted: db.all(source, granted).await.unwrap(),
            held,
            invitations: db.all(source, invitation::Entity::find()).await.unwrap(),
            resets: db
                .all(source, password_reset::Entity::find())
                .await
                .unwrap(),
            sessions: db.all(source, session::Entity::find()).await.unwrap(),
            emails,
            attempts: db.all(source, email_attempt::Entity::find()).await.unwrap(),
            events: db.all(source, event::Entity::find()).await.unwrap(),
            requests,
            is_paused: queue.iter().any(|queue| queue.paused_at.is_some()),
        }
    }

    /// Whether the worker has done all that it can do now.
    pub fn are_settled(&self) -> bool {
        let is_on_its_way = |email: &email::Model| match email.status {
            email::Status::Sending => true,
            // What has expired waits for the next clean-up.
            email::Status::Queued => {
                let mail = self.mail(email);
                !self.is_paused && mail.is_due && !mail.has_ended
            }
            _ => false,
        };
        self.requests.is_empty() && !self.emails.iter().any(is_on_its_way)
    }

    pub fn user_at(&self, address: &str) -> Option<&user::Model> {
        self.users.iter().find(|user| user.email_normal == address)
    }

    pub fn role_called(&self, code: &str) -> Option<&role::Model> {
        self.roles.iter().find(|role| role.code_name == code)
    }

    pub fn session_by(&self, token: &str) -> Option<&session::Model> {
        let hash = tokens::hash(token);
        self.sessions
            .iter()
            .find(|session| session.token_hash == hash)
    }

    pub fn roles_of(&self, user: UserId) -> impl Iterator<Item = &role::Model> {
        let holds = move |role: &&role::Model| {
            let mut held = self.held.iter();
            held.any(|held| held.user_id == user && held.role_id == role.id)
        };
        self.roles.iter().filter(holds)
    }

    /// What a role grants.
    pub fn permissions_of(&self, role: &role::Model) -> BTreeSet<&str> {
        if role.is_protected {
            return EVERYTHING.iter().copied().collect();
        }
        let granted = self
            .granted
            .iter()
            .filter(|granted| granted.role_id == role.id);
        granted.map(|granted| granted.permission.as_str()).collect()
    }

    /// What a user may do.
    pub fn rights_of(&self, user: UserId) -> BTreeSet<&str> {
        self.roles_of(user)
            .flat_map(|role| self.permissions_of(role))
            .collect()
    }

    /// The invitation that this token opens.
    pub fn open_invitation(&self, token: &str) -> Option<&invitation::Model> {
        let hash = tokens::hash(token);
        let found = self.invitations.iter().find(|link| link.token_hash == hash);
        found.filter(|link| link.status(self.now) == invitation::Status::Pending)
    }

    /// The password reset that this token opens.
    pub fn open_reset(&self, token: &str) -> Option<&password_reset::Model> {
        let hash = tokens::hash(token);
        let found = self.resets.iter().find(|link| link.token_hash == hash);
        found.filter(|link| link.status(self.now) == password_reset::Status::Pending)
    }

    /// As far as the model has to be told of an e-mail.
    pub fn mail(&self, email: &email::Model) -> Mail {
        Mail {
            status: email.status,
            has_ended: email.expires_at.is_some_and(|end| end <= self.now),
            is_due: email.next_attempt_at <= self.now.into(),
        }
    }

    /// What is new since then.
    pub fn news_since(&self, before: &Self) -> Vec<News> {
        let events: BTreeSet<EventId> = before.events.iter().map(|event| event.id).collect();
        let emails: BTreeSet<EmailId> = before.emails.iter().map(|email| email.id).collect();
        let events = self.events.iter().filter(|event| {
            !events.contains(&event.id) && !NO_CHANGE.contains(&event.action.as_str())
        });
        let events =
            events.map(|event| News::Event(event.action.clone(), event.actor_label.clone()));
        let emails = self
            .emails
            .iter()
            .filter(|email| !emails.contains(&email.id));
        let emails = emails.map(|email| News::Mail(email.kind.clone(), email.recipients.clone()));
        events.chain(emails).collect()
    }

    /// What the model knows, too. The browsers are told by their tokens.
    pub fn seen(&self, tokens: &[Option<String>]) -> Seen {
        let users = self.users.iter().map(|user| {
            let invitations = self.invitations.iter().filter(|link| {
                link.user_id == user.id && link.status(self.now) == invitation::Status::Pending
            });
            let resets = self.resets.iter().filter(|link| {
                link.user_id == user.id && link.status(self.now) == password_reset::Status::Pending
            });
            let seen = SeenUser {
                name: user.first_name.clone(),
                password: match &user.password_hash {
                    None => "none",
                    Some(hash) if hash.is_void() => "void",
                    Some(_) => "chosen",
                },
                is_deactivated: user.deactivated_at.is_some(),
                roles: self
                    .roles_of(user.id)
                    .map(|role| role.code_name.clone())
                    .collect(),
                open_invitations: invitations.count(),
                open_resets: resets.count(),
            };
            (user.email.clone(), seen)
        });
        let roles = self
            .roles
            .iter()
            .filter(|role| !role.is_protected)
            .map(|role| {
                let granted = self.permissions_of(role).into_iter().map(str::to_owned);
                (
                    role.code_name.clone(),
                    (role.name.clone(), granted.collect()),
                )
            });
        let emails: BTreeMap<UserId, &str> = self
            .users
            .iter()
            .map(|user| (user.id, user.email.as_str()))
            .collect();
        let hashes: Vec<_> = tokens
            .iter()
            .map(|token| token.as_deref().map(tokens::hash))
            .collect();
        let mut sessions: Vec<_> = self
            .sessions
            .iter()
            .map(|session| {
                let is_its = |hash: &Option<_>| hash.as_ref() == Some(&session.token_hash);
                let email = emails.get(&session.user_id).copied().unwrap_or("nobody");
                (email.to_owned(), hashes.iter().position(is_its))
            })
            .collect();
        sessions.sort();
        Seen {
            users: users.collect(),
            roles: roles.collect(),
            sessions,
            is_paused: self.is_paused,
        }
    }
}
