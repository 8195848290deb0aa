//! A server with an inbox, and the people who use it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;
use usher::config::Layers;
use usher::server::Server;

use super::client::Client;
use super::database::TestDatabase;
use super::inbox::{Inbox, token_in};
use super::waiting::within_queue;

/// What everybody's password is in tests.
pub const PASSWORD: &str = "walrus-teapot-93-orbit";

/// How long a wait for changes lasts, of which another server may make some.
const ANOTHER_LOOK_AFTER: Duration = Duration::from_millis(200);

/// The settings of every test: hashing costs next to nothing, and no mail leaves the process.
const SETTINGS: &[&str] = &[
    "server.bind=127.0.0.1:0",
    "server.shutdown_timeout=5s",
    "mail.transport=inbox",
    "passwords.argon2.memory_kib=8",
    "passwords.argon2.iterations=1",
    "database.max_connections=4",
    // So many tests run at once that a database may well be silent for a moment.
    "database.unavailable_after=10s",
    // What takes a moment may take much longer, for the same reason.
    "graphql.timeout=2m",
    "server.request_timeout=3m",
];

/// What every test's configuration declares.
pub const APPLICATIONS: &str = r#"
[[applications]]
code = "content-hub"
name = "Content hub"
actions = ["view", "create", "update", "delete"]

[[applications]]
code = "channel-management"
name = "Channel management"
actions = ["view", "update"]

[[applications]]
code = "digital-marketing"
name = "Digital marketing"
actions = ["view", "create"]
"#;

/// A running server.
pub struct TestServer {
    pub server: Server,
    pub inbox: Inbox,
    pub url: String,
    pub database: TestDatabase,
    emails_changed: tokio::sync::Mutex<tokio::sync::broadcast::Receiver<entity::EmailId>>,
}

/// Whether every third change loses a race: `TEST_LOST_RACES` says so.
#[allow(
    clippy::disallowed_methods,
    reason = "this is no setting of the application"
)]
fn loses_races() -> bool {
    std::env::var_os("TEST_LOST_RACES").is_some()
}

impl TestServer {
    /// A server on an empty database.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A server on an empty database, with further settings.
    pub async fn start_with(settings: &[&str]) -> Self {
        Self::start_on(TestDatabase::create().await, settings).await
    }

    /// Another server on this one's database.
    pub async fn another(&self) -> Self {
        Self::start_on(self.database.clone(), &[]).await
    }

    /// A server on that database.
    pub async fn start_on(database: TestDatabase, settings: &[&str]) -> Self {
        Self::start_declaring(APPLICATIONS, database, settings).await
    }

    /// Another server on this one's database, whose configuration declares other applications.
    pub async fn another_declaring(&self, applications: &str) -> Self {
        Self::start_declaring(applications, self.database.clone(), &[]).await
    }

    async fn start_declaring(
        applications: &str,
        database: TestDatabase,
        settings: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("usher.toml");
        std::fs::write(&file, applications).unwrap();
        let url_setting = format!("database.url={}", database.url_for_server());
        let command_line = SETTINGS
            .iter()
            .chain(settings)
            .map(|setting| (*setting).to_owned())
            .chain([url_setting])
            .collect();
        let config = Layers {
            file: Some(file),
            environment: Vec::new(),
            command_line,
        }
        .load()
        .unwrap();
        let inbox = Inbox::new();
        let server = Server::start(config, &inbox.registry()).await.unwrap();
        if loses_races() {
            server.app.db.rehearse_races(|commit| commit % 3 == 0);
        }
        let emails_changed = tokio::sync::Mutex::new(server.app.email_changed.subscribe());
        Self {
            url: format!("http://{}", server.address),
            inbox: inbox.of(server.app.clone()),
            server,
            database,
            emails_changed,
        }
    }

    /// Somebody who is not signed in.
    pub fn anonymous(&self) -> Client {
        Client::anonymous(self.url.clone())
    }

    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        self.server.app.clock.advance(duration);
        self.server.app.mail_queued.notify_one();
    }

    /// Accepts an invitation, and goes on as whoever it was for.
    pub async fn accept(&self, token: &str) -> Client {
        let payload = self
            .anonymous()
            .mutate(
                "acceptInvitation",
                json!({ "token": token, "password": PASSWORD }),
                "token user { id }",
            )
            .await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        Client {
            token: Some(payload["token"].as_str().unwrap().to_owned()),
            id: payload["user"]["id"].as_str().unwrap().to_owned(),
            ..self.anonymous()
        }
    }

    /// The first administrator, signed up.
    pub async fn administrator(&self) -> Client {
        let received = self.inbox.next().await;
        self.accept(&token_in(&received)).await
    }

    /// A user with the password of all, signed in.
    pub async fn sign_in(&self, email: &str) -> Client {
        let input = json!({ "email": email, "password": PASSWORD });
        let client = self.anonymous();
        let payload = client.mutate("signIn", input, "token user { id }").await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        Client {
            token: Some(payload["token"].as_str().unwrap().to_owned()),
            id: payload["user"]["id"].as_str().unwrap().to_owned(),
            ..client
        }
    }

    /// A role with these permissions.
    pub async fn role(&self, administrator: &Client, name: &str, permissions: &[&str]) -> String {
        let payload = administrator
            .mutate(
                "createRole",
                json!({ "name": name, "permissions": permissions }),
                "role { id }",
            )
            .await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        payload["role"]["id"].as_str().unwrap().to_owned()
    }

    /// Invites somebody, and returns the payload and the token in their e-mail.
    pub async fn invite(&self, inviter: &Client, email: &str, role: &str) -> (Value, String) {
        let payload = inviter
            .mutate(
                "inviteUser",
                json!({ "email": email, "roleIds": [role] }),
                "user { id } invitation { id }",
            )
            .await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        let received = self.inbox.next().await;
        assert_eq!(received.to, [email]);
        (payload, token_in(&received))
    }

    /// Somebody who holds just these permissions, signed up.
    pub async fn user_with(
        &self,
        administrator: &Client,
        email: &str,
        permissions: &[&str],
    ) -> Client {
        let role = self.role(administrator, email, permissions).await;
        let (_, token) = self.invite(administrator, email, &role).await;
        self.accept(&token).await
    }

    /// What comes of that, which should be there within a moment; in vain, it tells which e-mails there
    /// are.
    #[track_caller]
    pub fn within<T>(
        &self,
        what: &str,
        future: impl Future<Output = T>,
    ) -> impl Future<Output = T> {
        within_queue(&self.server.app, what, future)
    }

    /// Waits until no mail waits or is on its way.
    pub async fn all_sent(&self, reader: &Client) {
        let on_its_way = json!({ "statuses": ["QUEUED", "SENDING"] });
        self.emails_that(reader, on_its_way, "all to be sent", <[Value]>::is_empty)
            .await;
    }

    /// Waits until the mails that the filter names are all in that state, and returns them.
    pub async fn emails_in(&self, reader: &Client, filter: Value, status: &str) -> Value {
        let what = format!("{status} of {filter}");
        self.emails_that(reader, filter, &what, |mails| {
            !mails.is_empty() && mails.iter().all(|mail| mail["status"] == status)
        })
        .await
    }

    /// Waits until the mails that the filter names are as they should be, and returns them.
    pub async fn emails_that(
        &self,
        reader: &Client,
        filter: Value,
        what: &str,
        are_so: impl Fn(&[Value]) -> bool,
    ) -> Value {
        let mut changes = self.emails_changed.lock().await;
        let become_so = async {
            loop {
                let answer = reader
                    .run_with(
                        "query($filter: EmailFilter) { emails(filter: $filter) { nodes {
                            id kind status to subject textBody htmlBody messageId attemptCount
                            lastError nextAttemptAt sentAt
                            attempts { outcome transport response finishedAt }
                        } } }",
                        json!({ "filter": filter }),
                    )
                    .await;
                let mails = &answer.data()["emails"]["nodes"];
                if are_so(mails.as_array().unwrap()) {
                    return mails.clone();
                }
                // Whatever was missed is in the next answer; nobody tells of another server's doing.
                let _ = timeout(ANOTHER_LOOK_AFTER, changes.recv()).await;
            }
        };
        self.within(what, become_so).await
    }
}
