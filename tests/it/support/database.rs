//! A database of its own for each test.

use std::io::Write;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use super::leaks;
use super::proxy::Proxy;

/// A fresh database, which goes with the last server that a test has on it, after it was searched for
/// secrets.
#[derive(Clone)]
pub struct TestDatabase {
    pub url: String,
    is_proxied: bool,
    _searched: Arc<Searched>,
    /// Holds SQLite's file, and goes after the search.
    _folder: Option<Arc<TempDir>>,
}

impl TestDatabase {
    /// SQLite, or a new database on the server that `TEST_DATABASE_URL` names.
    #[allow(
        clippy::disallowed_methods,
        reason = "a test database has no application yet"
    )]
    pub async fn create() -> Self {
        // A benchmark is not to measure that.
        if cfg!(test) {
            leaks::watch_the_log();
        }
        let folder = tempfile::tempdir().unwrap();
        let url = match server() {
            None => format!("sqlite://{}/usher.db?mode=rwc", folder.path().display()),
            Some(server) => {
                let name = format!("test_{}", Uuid::now_v7().simple());
                let admin = Database::connect(&server).await.unwrap();
                admin
                    .execute_unprepared(&format!("CREATE DATABASE {name}"))
                    .await
                    .unwrap();
                admin.close().await.unwrap();
                let (base, _) = server.rsplit_once('/').unwrap();
                format!("{base}/{name}")
            }
        };
        Self {
            _folder: Some(Arc::new(folder)),
            ..Self::at(url)
        }
    }

    /// Whether this is a file of SQLite's: one process, one writer, and columns that take anything.
    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// A new database that is reached through a proxy; none where databases are SQLite's files.
    pub async fn behind_proxy() -> Option<(Self, Proxy)> {
        server()?;
        let database = Self::create().await;
        let mut url = Url::parse(&database.url).ok()?;
        let target = format!("{}:{}", url.host_str()?, url.port()?);
        let proxy = Proxy::before(target).await;
        url.set_port(Some(proxy.address().port())).ok()?;
        let reached = Self {
            url: url.into(),
            is_proxied: true,
            ..database
        };
        Some((reached, proxy))
    }

    /// Where a server finds it: at the pooler that `TEST_DATABASE_POOLER` names, unless a test has put
    /// something else in between.
    #[allow(
        clippy::disallowed_methods,
        reason = "this is no setting of the application"
    )]
    pub fn url_for_server(&self) -> String {
        let pooler = std::env::var("TEST_DATABASE_POOLER");
        match (pooler, self.is_proxied) {
            (Ok(pooler), false) => {
                let mut url = Url::parse(&self.url).unwrap();
                let (host, port) = pooler.split_once(':').unwrap();
                url.set_host(Some(host)).unwrap();
                url.set_port(Some(port.parse().unwrap())).unwrap();
                url.into()
            }
            _ => self.url.clone(),
        }
    }

    /// The database of that address.
    pub fn at(url: String) -> Self {
        Self {
            _searched: Arc::new(Searched(url.clone())),
            url,
            is_proxied: false,
            _folder: None,
        }
    }
}

/// The server that databases are made on; none where they are SQLite's files.
#[allow(
    clippy::disallowed_methods,
    reason = "this is no setting of the application"
)]
fn server() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok()
}

/// Says that the test has nothing to try on this database, and why. libtest counts it as passed, and
/// holds back what tests print; this goes past it, to where `.ci/run` looks.
pub fn skipped(why: &str) {
    let test = std::thread::current();
    let name = test.name().unwrap_or_default();
    // In one piece, whoever else writes.
    let line = format!("SKIPPED {name}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Searches the database when the test is over with it.
struct Searched(String);

impl Drop for Searched {
    fn drop(&mut self) {
        // One failure is enough; a second one while the first unwinds would abort all tests.
        if std::thread::panicking() {
            return leaks::end_of_failed_test();
        }
        let url = self.0.clone();
        // The test's own runtime cannot be waited for from inside of it.
        let dump = std::thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(dump(url))
        });
        leaks::end_of_test(&dump.join().unwrap());
    }
}

/// All that the database holds, as `(column, value)`, except the column whose purpose is to hold a
/// link: `emails` shows that it is emptied with the link's purpose.
#[allow(clippy::disallowed_methods, reason = "reads what no function shows")]
pub async fn dump(url: String) -> Vec<(String, String)> {
    let db = Database::connect(url).await.unwrap();
    let backend = db.get_database_backend();
    let columns = match backend {
        DbBackend::Sqlite => {
            "SELECT t.name AS a, c.name AS b FROM sqlite_master t, pragma_table_info(t.name) c
             WHERE t.type = 'table'"
        }
        DbBackend::Postgres => {
            "SELECT table_name AS a, column_name AS b FROM information_schema.columns
             WHERE table_schema = 'public'"
        }
        _ => {
            "SELECT CAST(table_name AS CHAR) AS a, CAST(column_name AS CHAR) AS b
             FROM information_schema.columns WHERE table_schema = DATABASE()"
        }
    };
    let query = async |sql: &str| {
        let statement = Statement::from_string(backend, sql.to_owned());
        db.query_all_raw(statement).await.unwrap()
    };
    let mut dump = Vec::new();
    for row in query(columns).await {
        let table: String = row.try_get_by("a").unwrap();
        let column: String = row.try_get_by("b").unwrap();
        if (table.as_str(), column.as_str()) == ("emails", "secret_link") {
            continue;
        }
        let value = match backend {
            DbBackend::Postgres => {
                format!("encode(convert_to(CAST({column} AS TEXT), 'UTF8'), 'hex')")
            }
            DbBackend::Sqlite => format!("HEX({column})"),
            _ => format!("HEX(CAST({column} AS BINARY))"),
        };
        for row in query(&format!("SELECT {value} AS v FROM {table}")).await {
            let Some(hex) = row.try_get_by::<Option<String>, _>("v").unwrap() else {
                continue;
            };
            let value = String::from_utf8_lossy(&bytes(&hex)).into_owned();
            // PostgreSQL shows bytes as hexadecimal digits.
            let value = match value.strip_prefix("\\x") {
                Some(hex) if backend == DbBackend::Postgres => {
                    String::from_utf8_lossy(&bytes(hex)).into_owned()
                }
                _ => value,
            };
            dump.push((format!("{table}.{column}"), value));
        }
    }
    db.close().await.unwrap();
    let has_migrations = |(column, _): &_| column == "seaql_migrations.version";
    assert!(dump.iter().any(has_migrations), "{dump:?}");
    dump
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}
