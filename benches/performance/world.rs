//! A filled database and a server on it.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};

use crate::database::FreshDatabase;
use crate::fill::{ADMINISTRATOR, fill};
use crate::http::Connection;
use crate::options::SharedOptions;
use crate::server::{Server, Usher};

/// Everybody's password.
pub const PASSWORD: &str = "walrus-teapot-93-orbit";

/// A database that is filled, a server on it, and what is needed to ask it something.
pub struct World {
    pub database: FreshDatabase,
    pub usher: Usher,
    pub server: Server,
    /// How many users there are besides the administrator and the first one invited.
    pub users: u64,
    /// The administrator's.
    pub token: String,
    /// The IDs of roles: that which all hold, and that which one in a hundred holds.
    pub member: String,
    pub editor: String,
    /// How long it took to fill the database.
    pub filled_in: Duration,
    /// The database's name and version.
    pub version: String,
}

impl World {
    /// Makes one as the options say, with that many users.
    pub async fn make(options: &SharedOptions, users: u64) -> Self {
        let database = FreshDatabase::create(options.database.as_deref()).await;
        let usher = Usher::new(options, &database);
        usher.run(&["migrate"]);
        let invited = usher.run(&["invite-administrator", ADMINISTRATOR]);
        let (_, secret) = invited.trim().rsplit_once("token=").unwrap();

        let mut server = usher.start().await;
        let mut caller = Connection::open(server.address).await.unwrap();
        let mut mutate = async |token: &str, field: &str, input: Value, select: &str| {
            let kind = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
            let document = format!(
                "mutation($input: {kind}!) {{ payload: {field}(input: $input) {{ {select} userErrors {{ code message }} }} }}"
            );
            let data = caller
                .run(token, &document, &json!({ "input": input }))
                .await;
            assert_eq!(data["payload"]["userErrors"], json!([]), "{field}");
            data["payload"].clone()
        };
        let acceptance = json!({ "token": secret, "password": PASSWORD });
        let accepted = mutate("", "acceptInvitation", acceptance, "token").await;
        let token = text(&accepted["token"]);
        let mut role = async |name: &str| {
            let role = json!({ "name": name, "permissions": ["users.view"] });
            let created = mutate(&token, "createRole", role, "role { id }").await;
            text(&created["role"]["id"])
        };
        let (member, editor) = (role("Member").await, role("Editor").await);
        let colleague = json!({ "email": "colleague@example.com", "roleIds": [member] });
        mutate(&token, "inviteUser", colleague, "").await;
        // E-mails stay in the queue as they are.
        let pause = "mutation { pauseEmailQueue { userErrors { code } } }";
        caller.run(&token, pause, &Value::Null).await;
        drop(caller);
        server.stop().await;

        let begun = Instant::now();
        let connection = database.connect().await;
        fill(&connection, users).await;
        let filled_in = begun.elapsed();
        let version = version(&connection).await;
        let version = format!("{} {version}", database.name);
        connection.close().await.unwrap();
        let server = usher.start().await;
        Self {
            database,
            usher,
            server,
            users,
            token,
            member,
            editor,
            filled_in,
            version,
        }
    }

    /// A connection to the server.
    pub async fn connect(&self) -> Connection {
        Connection::open(self.server.address).await.unwrap()
    }

    /// Ends the server, and starts another one on the same database.
    pub async fn restart(&mut self) {
        self.server.stop().await;
        self.server = self.usher.start().await;
    }

    /// Ends the server, and drops the database.
    pub async fn end(mut self) {
        self.server.stop().await;
        self.database.drop().await;
    }
}

async fn version(connection: &DatabaseConnection) -> String {
    let backend = connection.get_database_backend();
    let query = match backend {
        DbBackend::Sqlite => "SELECT sqlite_version()",
        DbBackend::Postgres => "SELECT CURRENT_SETTING('server_version')",
        _ => "SELECT VERSION()",
    };
    let statement = Statement::from_string(backend, query);
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
