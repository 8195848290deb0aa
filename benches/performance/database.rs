//! A fresh database, and how its SQL differs from that of the others.

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend};
use tempfile::TempDir;

/// A database of the benchmark's own, which goes with it.
pub struct FreshDatabase {
    /// Its address, as the server takes it.
    pub url: String,
    /// What it is, for people: `SQLite`, `PostgreSQL`, `MariaDB`.
    pub name: &'static str,
    /// Where the server runs; holds SQLite's file.
    pub folder: TempDir,
    /// How it is dropped: the server's address, and the database's name.
    on_server: Option<(String, String)>,
}

impl FreshDatabase {
    /// A file in a temporary folder, or a new database on the server that `address` names.
    pub async fn create(address: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let Some(address) = address.filter(|address| !address.starts_with("sqlite")) else {
            return Self {
                url: format!("sqlite://{}/usher.db?mode=rwc", folder.path().display()),
                name: "SQLite",
                folder,
                on_server: None,
            };
        };
        let name = format!("performance_{}", std::process::id());
        run_on(address, &format!("CREATE DATABASE {name}")).await;
        let (base, _) = address.rsplit_once('/').unwrap();
        Self {
            url: format!("{base}/{name}"),
            name: if address.starts_with("postgres") {
                "PostgreSQL"
            } else {
                "MariaDB"
            },
            folder,
            on_server: Some((address.to_owned(), name)),
        }
    }

    /// Whether the server's process does the database's work.
    pub fn is_within_the_server(&self) -> bool {
        self.on_server.is_none()
    }

    /// One connection, for filling.
    pub async fn connect(&self) -> DatabaseConnection {
        connect(&self.url).await
    }

    /// Drops it.
    pub async fn drop(self) {
        if let Some((address, name)) = &self.on_server {
            run_on(address, &format!("DROP DATABASE {name}")).await;
        }
    }
}

async fn run_on(address: &str, statement: &str) {
    let connection = connect(address).await;
    connection.execute_unprepared(statement).await.unwrap();
    connection.close().await.unwrap();
}

async fn connect(address: &str) -> DatabaseConnection {
    let address = match address.strip_prefix("mariadb:") {
        Some(rest) => format!("mysql:{rest}"),
        None => address.to_owned(),
    };
    let mut options = ConnectOptions::new(address);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap()
}

/// Expressions that are spelled differently on each database. All arguments are SQL.
#[derive(Clone, Copy)]
pub struct Dialect(pub DbBackend);

impl Dialect {
    /// What speeds up filling: what is written here need not survive anything.
    pub fn before_filling(self) -> &'static [&'static str] {
        match self.0 {
            DbBackend::Sqlite => &[
                "PRAGMA journal_mode = DELETE",
                "PRAGMA journal_mode = OFF",
                "PRAGMA synchronous = OFF",
                "PRAGMA foreign_keys = OFF",
                "PRAGMA cache_size = -500000",
                "PRAGMA temp_store = MEMORY",
            ],
            DbBackend::Postgres => &["SET synchronous_commit = off"],
            _ => &["SET unique_checks = 0, foreign_key_checks = 0"],
        }
    }

    /// What lets the database know what it holds.
    pub fn after_filling(self) -> &'static [&'static str] {
        match self.0 {
            DbBackend::Sqlite => &["ANALYZE", "PRAGMA journal_mode = WAL"],
            DbBackend::Postgres => &["VACUUM ANALYZE"],
            _ => &[
                "ANALYZE TABLE users, roles, user_roles, invitations, emails, events",
                "SET unique_checks = 1, foreign_key_checks = 1",
            ],
        }
    }

    /// A row `n` for each number from 0 to `count - 1`, in that order. All three have recursive
    /// queries, but two of them end after a thousand rounds, and have no common way to allow more.
    pub fn series(self, count: u64) -> String {
        let digits = 1 + count.saturating_sub(1).checked_ilog10().unwrap_or(0);
        let ten = (0..10)
            .map(|digit| format!("SELECT {} AS d", self.bigint(&digit.to_string())))
            .collect::<Vec<_>>()
            .join(" UNION ALL ");
        let number = (0..digits)
            .map(|place| format!("t{place}.d * {}", 10_u64.pow(place)))
            .collect::<Vec<_>>()
            .join(" + ");
        let tables = (0..digits)
            .rev()
            .map(|place| format!("({ten}) AS t{place}"))
            .collect::<Vec<_>>()
            .join(" CROSS JOIN ");
        format!(
            "(SELECT n FROM (SELECT {number} AS n FROM {tables}) AS numbers \
             WHERE n < {count} ORDER BY n) AS series"
        )
    }

    /// An integer of 64 bits.
    fn bigint(self, number: &str) -> String {
        match self.0 {
            DbBackend::Postgres => format!("CAST({number} AS BIGINT)"),
            _ => number.to_owned(),
        }
    }

    /// A quotient of integers, without what remains.
    pub fn quotient(self, dividend: &str, divisor: u64) -> String {
        match self.0 {
            DbBackend::MySql => format!("(({dividend}) DIV {divisor})"),
            _ => format!("(({dividend}) / {divisor})"),
        }
    }

    /// A number in hexadecimal digits, with zeros in front.
    pub fn hex(self, number: &str, digits: u32) -> String {
        match self.0 {
            DbBackend::Sqlite => format!("printf('%0{digits}x', {number})"),
            DbBackend::Postgres => format!("LPAD(TO_HEX({number}), {digits}, '0')"),
            _ => format!("LPAD(LOWER(HEX({number})), {digits}, '0')"),
        }
    }

    /// A UUID of 32 hexadecimal digits.
    pub fn uuid(self, hex: &str) -> String {
        match self.0 {
            DbBackend::Postgres => format!("CAST({hex} AS UUID)"),
            _ => format!("UNHEX({hex})"),
        }
    }

    /// Bytes of hexadecimal digits.
    pub fn bytes(self, hex: &str) -> String {
        match self.0 {
            DbBackend::Postgres => format!("DECODE({hex}, 'hex')"),
            _ => format!("UNHEX({hex})"),
        }
    }
}
