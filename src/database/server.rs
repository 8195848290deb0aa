//! The database server: whether it answers, whether it is recent enough, and whether its sessions are
//! ours alone.

use std::error::Error;
use std::time::Duration;

use sea_orm::DbBackend;
use sea_orm::sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, Connection, Row, raw_sql};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep, timeout};

use super::availability::{Away, Cause};
use crate::config::{self, Pooler};

/// How often two connections are compared: others may use the pooler meanwhile.
const COMPARISONS: usize = 5;

/// Whose the sessions are that connections lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sessions {
    /// Each connection has one of its own.
    Own,
    /// A pooler in between gives a connection another one for each transaction. What was prepared in one
    /// may be missing in the next, or be somebody else's.
    Shared,
}

impl Sessions {
    /// How many statements a connection keeps prepared.
    pub(super) fn statement_cache(self, setting: usize) -> usize {
        match self {
            Self::Own => setting,
            Self::Shared => 0,
        }
    }
}

/// The address as sqlx reads it, which knows MariaDB by its ancestor's name only.
pub(super) fn in_sqlx_words(url: &str) -> String {
    match url.strip_prefix("mariadb:") {
        Some(rest) => format!("mysql:{rest}"),
        None => url.to_owned(),
    }
}

/// What sqlx has read, with an IPv6 address as the system takes it: without the brackets that it has in
/// an address (RFC 3986, section 3.2.2). PgBouncer refuses a client that says how many digits it wants of
/// floating-point numbers; there are none here.
pub(super) fn postgres(options: PgConnectOptions) -> PgConnectOptions {
    let options = options.extra_float_digits(None);
    match bracketed(options.get_host()) {
        Some(host) => options.host(&host),
        None => options,
    }
}

/// The same for MariaDB and MySQL.
pub(super) fn mysql(options: MySqlConnectOptions) -> MySqlConnectOptions {
    match bracketed(options.get_host()) {
        Some(host) => options.host(&host),
        None => options,
    }
}

fn bracketed(host: &str) -> Option<String> {
    let inner = host.strip_prefix('[')?.strip_suffix(']')?;
    Some(inner.to_owned())
}

/// How often a server is looked for that is not there yet.
const LOOKED_FOR_EVERY: Duration = Duration::from_millis(500);

/// Waits for a server that is not there yet, for `database.wait` at most; `say` is told once why. Whatever
/// is wrong then is left to [`reach`].
pub(super) async fn wait_for(config: &config::Database, say: impl FnOnce(&str)) {
    let mut say = Some(say);
    let deadline = Instant::now() + config.wait;
    while Instant::now() < deadline
        && let Err(away) = connect(config).await
    {
        if let Some(say) = say.take() {
            let longest = humantime_serde::re::humantime::format_duration(config.wait);
            say(&format!(
                "the database is not there yet: {}; waiting for up to {longest} (database.wait)",
                away.cause
            ));
        }
        sleep(LOOKED_FOR_EVERY).await;
    }
}

/// Connects, and asks nothing. A server that refuses this client is there all the same.
///
/// # Errors
///
/// If it is away.
async fn connect(config: &config::Database) -> Result<(), Away> {
    let url = in_sqlx_words(config.url.expose_secret());
    let attempt = async {
        if url.starts_with("postgres") {
            let options = postgres(url.parse()?);
            PgConnection::connect_with(&options).await?.close().await
        } else {
            let options = mysql(url.parse()?);
            MySqlConnection::connect_with(&options).await?.close().await
        }
    };
    match timeout(config.connect_timeout, attempt).await {
        Ok(connected) => match connected.err().and_then(|error| Away::of_sqlx(&error)) {
            Some(away) if away.cause != Cause::LetsNobodyIn => Err(away),
            _ => Ok(()),
        },
        Err(_) => Err(Away::new(Cause::Silent, "it took too long")),
    }
}

/// Tries whether the server lets this client in, through whatever the address names: a host, an IPv6
/// address, a socket in the file system; whether it is recent enough; and whose its sessions are. The
/// pool itself would try for long, and then say nothing but that time ran out.
///
/// # Errors
///
/// The reason. It does not hold the address.
pub(super) async fn reach(config: &config::Database) -> Result<Sessions, String> {
    let url = in_sqlx_words(config.url.expose_secret());
    let attempt = async {
        if url.starts_with("postgres") {
            reach_postgres(postgres(read(&url)?), config.pooler).await
        } else {
            reach_mysql(mysql(read(&url)?)).await
        }
    };
    match timeout(config.connect_timeout, attempt).await {
        Ok(outcome) => outcome,
        Err(_) => Err("the host does not respond".to_owned()),
    }
}

async fn reach_postgres(options: PgConnectOptions, pooler: Pooler) -> Result<Sessions, String> {
    let mut connection = PgConnection::connect_with(&options).await.map_err(words)?;
    let query = raw_sql("SELECT current_setting('server_version')");
    let row = query.fetch_one(&mut connection).await.map_err(words)?;
    recent_enough(
        DbBackend::Postgres,
        &row.try_get::<String, _>(0).map_err(words)?,
    )?;
    let is_shared = match pooler {
        Pooler::None => false,
        Pooler::Transaction => true,
        Pooler::Detect => lead_to_one_session(&options, &mut connection)
            .await
            .map_err(words)?,
    };
    // Whoever wanted to know has an answer already.
    let _ = connection.close().await;
    Ok(if is_shared {
        Sessions::Shared
    } else {
        Sessions::Own
    })
}

async fn reach_mysql(options: MySqlConnectOptions) -> Result<Sessions, String> {
    let connected = MySqlConnection::connect_with(&options).await;
    let mut connection = connected.map_err(words)?;
    let query = raw_sql("SELECT VERSION()");
    let row = query.fetch_one(&mut connection).await.map_err(words)?;
    recent_enough(
        DbBackend::MySql,
        &row.try_get::<String, _>(0).map_err(words)?,
    )?;
    let _ = connection.close().await;
    Ok(Sessions::Own)
}

/// Whether two connections, open at the same time, lead to the same session: a pooler is in between, in
/// the mode in which it gives sessions away with each transaction.
async fn lead_to_one_session(
    options: &PgConnectOptions,
    one: &mut PgConnection,
) -> sqlx::Result<bool> {
    let mut other = PgConnection::connect_with(options).await?;
    for _ in 0..COMPARISONS {
        if session_of(one).await? == session_of(&mut other).await? {
            return Ok(true);
        }
    }
    let _ = other.close().await;
    Ok(false)
}

async fn session_of(connection: &mut PgConnection) -> sqlx::Result<i32> {
    let query = raw_sql("SELECT pg_backend_pid()");
    query.fetch_one(connection).await?.try_get(0)
}

/// Looks whether the server answers a new client, and takes changes. One that refuses this client for
/// another reason is there all the same. MariaDB and MySQL take `changes` from some users even when they
/// are set to take none, so they are asked for that only where this one was told so.
///
/// # Errors
///
/// If it is away.
pub(super) async fn probe(config: &config::Database, changes: bool) -> Result<(), Away> {
    let url = in_sqlx_words(config.url.expose_secret());
    let probed = if url.starts_with("postgres") {
        probe_postgres(&url).await
    } else {
        probe_mysql(&url, changes).await
    };
    match probed.err().and_then(|error| Away::of_sqlx(&error)) {
        Some(away) if away.cause != Cause::Full => Err(away),
        _ => Ok(()),
    }
}

async fn probe_postgres(url: &str) -> sqlx::Result<()> {
    let options = postgres(url.parse()?);
    let mut connection = PgConnection::connect_with(&options).await?;
    // A stand-by says "on" as well.
    let query = raw_sql("SELECT current_setting('transaction_read_only') = 'on'");
    let is_read_only: bool = query.fetch_one(&mut connection).await?.try_get(0)?;
    let _ = connection.close().await;
    if is_read_only {
        return Err(Away::new(Cause::ReadOnly, "transaction_read_only").into());
    }
    Ok(())
}

async fn probe_mysql(url: &str, changes: bool) -> sqlx::Result<()> {
    let options = mysql(url.parse()?);
    let mut connection = MySqlConnection::connect_with(&options).await?;
    // A node outside of its cluster answers what needs no table.
    raw_sql("SELECT 1 FROM seaql_migrations LIMIT 1")
        .execute(&mut connection)
        .await?;
    let query = raw_sql("SELECT @@global.read_only = 1");
    let is_read_only: bool = query.fetch_one(&mut connection).await?.try_get(0)?;
    let _ = connection.close().await;
    if changes && is_read_only {
        return Err(Away::new(Cause::ReadOnly, "read_only").into());
    }
    Ok(())
}

/// Whether the address can be read.
///
/// # Errors
///
/// A sentence that says how to write it.
pub(super) fn check_address(url: &str) -> Result<(), String> {
    let url = in_sqlx_words(url);
    if url.starts_with("postgres") {
        read::<PgConnectOptions>(&url).map(drop)
    } else {
        read::<MySqlConnectOptions>(&url).map(drop)
    }
}

pub(super) fn read<O: std::str::FromStr<Err = sqlx::Error>>(url: &str) -> Result<O, String> {
    // sqlx's words may repeat what they could not read.
    url.parse().map_err(|_| {
        "the address cannot be read; in a user name or password, write characters such as @ : / ? # % as %40 %3A %2F %3F %23 %25"
            .to_owned()
    })
}

fn words(error: sqlx::Error) -> String {
    innermost(&error)
}

/// The innermost error's words: those around it repeat that a connection failed.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Checks that the server is recent enough.
///
/// # Errors
///
/// A sentence with the oldest version that is.
fn recent_enough(backend: DbBackend, version: &str) -> Result<(), String> {
    let is_mariadb = version.to_lowercase().contains("mariadb");
    let (name, oldest) = match backend {
        DbBackend::Postgres => ("PostgreSQL", (12, 0)),
        _ if is_mariadb => ("MariaDB", (10, 6)),
        _ => ("MySQL", (8, 0)),
    };
    // Before its own, MariaDB may tell a version that old replicas understand.
    let own = version.strip_prefix("5.5.5-").unwrap_or(version);
    let mut numbers = own
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|number| number.parse::<u32>().ok());
    let found = (numbers.next(), numbers.next().unwrap_or(0));
    match found {
        (Some(major), minor) if (major, minor) < oldest => Err(format!(
            "this is {name} {own}; Usher needs {name} {}.{} or later",
            oldest.0, oldest.1
        )),
        // What calls itself otherwise may well work.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused_with_what_is_needed() {
        let (mysql, postgres) = (DbBackend::MySql, DbBackend::Postgres);
        for (backend, version) in [
            (postgres, "12.4"),
            (postgres, "15.8 (Debian 15.8-0+deb12u1)"),
            (postgres, "18beta1"),
            (mysql, "10.6.0-MariaDB"),
            (mysql, "5.5.5-10.11.6-MariaDB-0+deb12u1"),
            (mysql, "11.4.2-MariaDB-log"),
            (mysql, "8.0.36"),
            (mysql, "8.0.11-TiDB-v7.5.0"),
            (mysql, "9.1.0-commercial"),
            (mysql, "unheard of"),
        ] {
            assert_eq!(recent_enough(backend, version), Ok(()), "{version}");
        }
        for (backend, version, needed) in [
            (postgres, "9.6.24", "PostgreSQL 12.0 or later"),
            (postgres, "11.22", "PostgreSQL 12.0 or later"),
            (mysql, "10.5.23-MariaDB", "MariaDB 10.6 or later"),
            (
                mysql,
                "5.5.5-10.3.39-MariaDB-0+deb10u2",
                "MariaDB 10.6 or later",
            ),
            (mysql, "5.7.44-log", "MySQL 8.0 or later"),
        ] {
            let refusal = recent_enough(backend, version).unwrap_err();
            assert!(refusal.ends_with(needed), "{refusal}");
        }
    }
}
