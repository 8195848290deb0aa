//! A server for the targets that need one: with the demo's people and e-mails, on a database of its
//! own. No mail leaves it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use poem::endpoint::BoxEndpoint;
use poem::http::header::{AUTHORIZATION, CONTENT_TYPE};
use poem::{Endpoint, EndpointExt, Request, Response};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use transports::Registry;
use usher::config::{Config, Layers};
use usher::demo::{self, ADMINISTRATOR, AUDITOR, Persona};
use usher::domain::App;
use usher::server::{ProcessRole, Server};

const SETTINGS: &[&str] = &[
    "server.bind=127.0.0.1:0",
    "server.allowed_origins=[\"https://app.example.com\"]",
    // Every connection comes from a proxy, so `X-Forwarded-For` is read.
    "server.trusted_proxies=[\"127.0.0.0/8\", \"10.0.0.0/8\"]",
    "passwords.argon2.memory_kib=8",
    "passwords.argon2.iterations=1",
];

/// What executes the asynchronous parts of the targets.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// The server of the running targets.
static SERVER: LazyLock<FuzzedServer> = LazyLock::new(FuzzedServer::start);

/// Does something with the server.
pub fn with_server<T>(act: impl AsyncFnOnce(&FuzzedServer) -> T) -> T {
    // It is started by a runtime, and so cannot be within one.
    let server = &*SERVER;
    RUNTIME.block_on(act(server))
}

pub struct FuzzedServer {
    server: Server,
    endpoint: BoxEndpoint<'static, Response>,
    sessions: Mutex<Vec<(&'static str, String)>>,
    /// Identifiers, and what stands for them in a corpus, whose inputs must not depend on the time.
    ids: OnceLock<Vec<(&'static str, String)>>,
    _folder: TempDir,
}

impl FuzzedServer {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = RUNTIME.block_on(database(folder.path()));
        let url = format!("database.url={database}");
        let layers = Layers {
            file: None,
            environment: Vec::new(),
            command_line: SETTINGS
                .iter()
                .map(|text| text.to_string())
                .chain([url])
                .collect(),
        };
        let settings = Config {
            applications: demo::applications(),
            ..layers.load().expect("settings")
        };
        RUNTIME.block_on(async {
            let (app, _) = usher::server::open(settings.clone())
                .await
                .expect("a database");
            demo::fill(&app).await.expect("data");
            app.db.clone().close().await.expect("an end");
            let server = Server::start_as(settings, &Registry::builtin(), ProcessRole::Web).await;
            let server = server.expect("a server");
            Self {
                endpoint: routes(&server.app),
                server,
                sessions: Mutex::default(),
                ids: OnceLock::new(),
                _folder: folder,
            }
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The response to a request, without a connection in between.
    async fn respond(&self, request: Request) -> Response {
        self.endpoint.get_response(request).await
    }

    /// What the endpoint answers to a request's parameters, from one of the demo's people or from
    /// nobody. It is no fault of the server.
    pub async fn ask(&self, who: Option<&'static Persona>, parameters: &Value) -> Value {
        let mut request = Request::builder()
            .method(poem::http::Method::POST)
            .uri_str("/graphql")
            .header(CONTENT_TYPE, "application/json");
        if let Some(who) = who {
            let session = self.session(who).await;
            request = request.header(AUTHORIZATION, format!("Bearer {session}"));
        }
        let response = self.respond(request.body(parameters.to_string())).await;
        let status = response.status();
        let body = response.into_body().into_bytes().await.expect("a body");
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        assert!(!status.is_server_error(), "{status}: {answer}");
        is_no_fault(&answer);
        if who.is_some() && answer.to_string().contains("UNAUTHENTICATED") {
            // It has signed itself out.
            self.sessions.lock().expect("sessions").clear();
        }
        answer
    }

    /// The text with the identifiers of somebody, a role and an e-mail in the place of `<user>`,
    /// `<role>` and `<email>`.
    pub async fn with_ids(&self, text: &str) -> String {
        if self.ids.get().is_none() {
            let query = "{ users(filter: { search: \"lauram\" }) { nodes { id } }
                roles(last: 1) { nodes { id } } emails(first: 1) { nodes { id } } }";
            let answer = self
                .ask(Some(&ADMINISTRATOR), &json!({ "query": query }))
                .await;
            let ids = [
                ("<user>", "users"),
                ("<role>", "roles"),
                ("<email>", "emails"),
            ];
            let ids = ids.map(|(sign, list)| {
                let id = answer["data"][list]["nodes"][0]["id"].as_str();
                (sign, id.expect("an identifier").to_owned())
            });
            let _ = self.ids.set(ids.into());
        }
        let ids = self.ids.get().into_iter().flatten();
        ids.fold(text.to_owned(), |text, (sign, id)| text.replace(sign, id))
    }

    /// A working session of one of the demo's people.
    pub async fn session(&self, who: &'static Persona) -> String {
        let known = |(email, _): &&(&str, String)| *email == who.email;
        if let Some((_, token)) = self.sessions.lock().expect("sessions").iter().find(known) {
            return token.clone();
        }
        let query = "mutation($email: EmailAddress!, $password: String!) {
            signIn(input: { email: $email, password: $password }) { token } }";
        let variables = json!({ "email": who.email, "password": who.password });
        let parameters = json!({ "query": query, "variables": variables });
        let answer = Box::pin(self.ask(None, &parameters)).await;
        let token = answer["data"]["signIn"]["token"].as_str();
        let token = token.unwrap_or_default().to_owned();
        let mut sessions = self.sessions.lock().expect("sessions");
        sessions.push((who.email, token.clone()));
        token
    }
}

/// SQLite, or a new database on the server that `TEST_DATABASE_URL` names.
#[allow(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says on which database"
)]
async fn database(folder: &Path) -> String {
    let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
        return format!("sqlite://{}/usher.db?mode=rwc", folder.display());
    };
    let admin = sea_orm::Database::connect(&server).await.expect("a server");
    let created = admin.execute_unprepared("CREATE DATABASE fuzzed").await;
    created.expect("no other run on the same server");
    let (base, _) = server.rsplit_once('/').expect("a database");
    format!("{base}/fuzzed")
}

fn routes(app: &Arc<App>) -> BoxEndpoint<'static, Response> {
    let routes = usher::http::routes(app.clone()).expect("routes");
    routes.map_to_response().boxed()
}

/// Nobody, somebody with few rights, and somebody with all of them.
pub const CALLERS: [Option<&Persona>; 3] = [None, Some(&AUDITOR), Some(&ADMINISTRATOR)];

/// Whatever is asked for, no answer says that something went wrong on the server.
pub fn is_no_fault(answer: &Value) {
    let answers = match answer {
        Value::Array(batch) => batch.as_slice(),
        one => std::slice::from_ref(one),
    };
    for error in answers
        .iter()
        .flat_map(|answer| answer["errors"].as_array())
        .flatten()
    {
        assert_ne!(error["extensions"]["code"], "INTERNAL", "{answer}");
    }
}
