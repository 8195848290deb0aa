//! The database server: whether it answers, and whether it is recent enough.

use std::error::Error;
use std::time::Duration;

use sea_orm::sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, Connection};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

/// How long a server may take to let a client in.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The address as sqlx reads it, which knows MariaDB by its ancestor's name only.
pub(super) fn in_sqlx_words(url: &str) -> String {
    match url.strip_prefix("mariadb:") {
        Some(rest) => format!("mysql:{rest}"),
        None => url.to_owned(),
    }
}

/// What sqlx has read, with an IPv6 address as the system takes it: without the brackets that it has in
/// an address (RFC 3986, section 3.2.2).
pub(super) fn postgres(options: PgConnectOptions) -> PgConnectOptions {
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

/// Tries whether the server lets this client in, through whatever the address names: a host, an IPv6
/// address, a socket in the file system. The pool itself would try for half a minute, and then say
/// nothing but that time ran out.
///
/// # Errors
///
/// The reason. It does not hold the address.
pub(super) async fn reach(url: &str) -> Result<(), String> {
    let url = in_sqlx_words(url);
    let attempt = async {
        if url.starts_with("postgres") {
            let options: PgConnectOptions = read(&url)?;
            let connection = PgConnection::connect_with(&postgres(options)).await;
            leave(connection).await
        } else if url.starts_with("mysql") {
            let options: MySqlConnectOptions = read(&url)?;
            let connection = MySqlConnection::connect_with(&mysql(options)).await;
            leave(connection).await
        } else {
            Ok(())
        }
    };
    match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
        Ok(outcome) => outcome,
        Err(_) => Err("the host does not respond".to_owned()),
    }
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

fn read<O: std::str::FromStr<Err = sqlx::Error>>(url: &str) -> Result<O, String> {
    // sqlx's words may repeat what they could not read.
    url.parse().map_err(|_| {
        "the address cannot be read; in a user name or password, write characters such as @ : / ? # % as %40 %3A %2F %3F %23 %25"
            .to_owned()
    })
}

async fn leave<C: Connection>(connection: Result<C, sqlx::Error>) -> Result<(), String> {
    let connection = connection.map_err(|error| innermost(&error))?;
    // Whoever wanted to know has an answer already.
    let _ = connection.close().await;
    Ok(())
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
pub(super) async fn check_version(db: &DatabaseConnection) -> Result<(), String> {
    let backend = db.get_database_backend();
    let query = match backend {
        DbBackend::Postgres => "SELECT current_setting('server_version')",
        DbBackend::MySql => "SELECT VERSION()",
        // It is built in.
        _ => return Ok(()),
    };
    let version = async {
        let row = db
            .query_one_raw(Statement::from_string(backend, query))
            .await?;
        let row = row.ok_or_else(|| DbErr::Custom("the server has no version".to_owned()))?;
        row.try_get_by_index::<String>(0)
    };
    let version = version.await.map_err(|error| error.to_string())?;
    recent_enough(backend, &version)
}

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
