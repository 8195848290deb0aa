//! All that one database holds, copied to another, of whatever kind either is.
//!
//! The rows are read and written as they are stored, without being understood: what this version cannot
//! read is copied as well. What a database makes of them by itself, such as indexes for searching, the
//! target makes anew, because it is brought up to date first.

use std::fmt::Display;

use entity::{
    declared_permission, device, email, email_attempt, email_deletion, email_queue, event,
    idempotency_key, invitation, password_reset, password_reset_request, revision, role,
    role_permission, session, throttle, user, user_role,
};
use migration::{Migrator, MigratorTrait};
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IdenStatic,
    Iterable, PrimaryKeyToColumn, Statement, TransactionTrait, Value,
};

use super::row::Kind;
use super::{Connections, Database, Row, Source, explained};

/// How many rows are read and written at once; databases limit the number of parameters.
const ROWS_AT_ONCE: usize = 250;

/// How many bytes are written at once. Servers limit that, too, MariaDB to 16 MiB by default.
const BYTES_AT_ONCE: usize = 1 << 20;

/// The table of the migrations that were applied.
const HISTORY: &str = "seaql_migrations";

/// What a migrated database holds before anybody has used it.
const SEEDED: [&str; 2] = ["revisions", "email_queue"];

/// How many rows of a table were copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The table's name.
    pub table: &'static str,
    /// How many rows it has, in both databases.
    pub rows: u64,
}

/// How far the copying has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The table that is being copied.
    pub table: &'static str,
    /// How many of its rows have been written.
    pub done: u64,
    /// How many it has.
    pub of: u64,
}

impl Database {
    /// Refuses a database that something is in, as a target to copy to.
    ///
    /// # Errors
    ///
    /// A sentence that says what is in it.
    pub async fn must_be_free(&self) -> Result<(), String> {
        let names = self
            .table_names()
            .await
            .map_err(|error| explained(&error))?;
        let is_there = |table: &str| names.iter().any(|name| name == table);
        let tables = tables().map_err(|error| error.to_string())?;
        if !(is_there(HISTORY) && self.is_ushers().await.map_err(|error| explained(&error))?) {
            let ours = tables.iter().map(|table| table.name).chain([HISTORY]);
            let taken: Vec<&str> = ours.filter(|name| is_there(name)).collect();
            if taken.is_empty() {
                return Ok(());
            }
            return Err(format!(
                "it holds another program's tables of the same names: {}. Name an empty database",
                taken.join(", ")
            ));
        }
        for table in &tables {
            if !is_there(table.name) || SEEDED.contains(&table.name) {
                continue;
            }
            let rows = table.count(self.read()).await?;
            if rows > 0 {
                return Err(format!(
                    "it is not empty: {} has {rows} {}. Name an empty database",
                    table.name,
                    if rows == 1 { "row" } else { "rows" }
                ));
            }
        }
        Ok(())
    }

    /// Whether the history of migrations that is there begins with Usher's: other programs have theirs in a
    /// table of the same name.
    async fn is_ushers(&self) -> Result<bool, DbErr> {
        let applied = Query::select()
            .column(Alias::new("version"))
            .from(Alias::new(HISTORY))
            .to_owned();
        let rows = self
            .read()
            .rows(self.read().backend().build(&applied))
            .await?;
        let applied: Result<Vec<String>, DbErr> = rows.iter().map(|row| row.get(0)).collect();
        let applied = applied?;
        let known = Migrator::migrations();
        let first = known.first();
        Ok(first.is_some_and(|first| applied.iter().any(|name| name == first.name())))
    }

    /// Copies everything to another database, which is free and has this version's schema, as this
    /// one has. It is read as of one moment, and appears in the other one whole or not at all.
    ///
    /// # Errors
    ///
    /// A sentence that names the table. Nothing was copied then.
    pub async fn copy_to(
        &self,
        target: &Self,
        tell: &(impl Fn(Progress) + Sync),
    ) -> Result<Vec<Copied>, String> {
        let source = self.snapshot().await.map_err(|error| explained(&error))?;
        let target = target.begin_migration().await;
        let target = target.map_err(|error| explained(&error))?;
        let tables = tables().map_err(|error| error.to_string())?;
        for seeded in tables.iter().filter(|table| SEEDED.contains(&table.name)) {
            seeded.clear(&target).await?;
        }
        let mut copied = Vec::new();
        for table in &tables {
            let of = table.count(&source).await?;
            table.copy(&source, &target, of, tell).await?;
            let rows = table.count(&target).await?;
            if rows != of {
                return Err(format!(
                    "{}: {rows} of {of} rows arrived; nothing was copied",
                    table.name
                ));
            }
            let table = table.name;
            copied.push(Copied { table, rows });
        }
        source.rollback().await.map_err(|error| explained(&error))?;
        target.commit().await.map_err(|error| explained(&error))?;
        Ok(copied)
    }

    /// A transaction that sees the database as of its first query.
    async fn snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        match &self.reader.connections {
            Connections::Sqlite { migrator, .. } => migrator.begin().await,
            Connections::Server(pool) => pool.snapshot().await,
        }
    }

    /// The names of all tables and views, in lower case.
    async fn table_names(&self) -> Result<Vec<String>, DbErr> {
        let backend = self.read().backend();
        let query = match backend {
            DbBackend::Sqlite => "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
            DbBackend::Postgres => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = current_schema()"
            }
            _ => {
                "SELECT CAST(table_name AS CHAR) FROM information_schema.tables WHERE table_schema = DATABASE()"
            }
        };
        let query = Statement::from_string(backend, query);
        let rows = self.read().rows(query).await?;
        let names: Result<Vec<String>, DbErr> = rows.iter().map(|row| row.get(0)).collect();
        Ok(names?.iter().map(|name| name.to_lowercase()).collect())
    }
}

/// A table as it is stored.
struct Stored {
    name: &'static str,
    columns: Vec<(&'static str, Kind)>,
    /// The places of the primary key's columns.
    key: Vec<usize>,
}

/// All of them, each after those that it refers to.
fn tables() -> Result<Vec<Stored>, DbErr> {
    Ok(vec![
        Stored::of::<revision::Entity>()?,
        Stored::of::<declared_permission::Entity>()?,
        Stored::of::<role::Entity>()?,
        Stored::of::<role_permission::Entity>()?,
        Stored::of::<user::Entity>()?,
        Stored::of::<user_role::Entity>()?,
        Stored::of::<invitation::Entity>()?,
        Stored::of::<password_reset::Entity>()?,
        Stored::of::<password_reset_request::Entity>()?,
        Stored::of::<session::Entity>()?,
        Stored::of::<device::Entity>()?,
        Stored::of::<throttle::Entity>()?,
        Stored::of::<idempotency_key::Entity>()?,
        Stored::of::<email_queue::Entity>()?,
        Stored::of::<email::Entity>()?,
        Stored::of::<email_attempt::Entity>()?,
        Stored::of::<email_deletion::Entity>()?,
        Stored::of::<event::Entity>()?,
    ])
}

impl Stored {
    fn of<E: EntityTrait>() -> Result<Self, DbErr> {
        let columns: Result<Vec<_>, DbErr> = E::Column::iter()
            .map(|column| {
                let kind = Kind::of(column.def().get_column_type())?;
                Ok((column.as_str(), kind))
            })
            .collect();
        let columns = columns?;
        let key = E::PrimaryKey::iter().filter_map(|key| {
            let name = key.into_column().as_str();
            columns.iter().position(|(column, _)| *column == name)
        });
        Ok(Self {
            name: E::default().table_name(),
            key: key.collect(),
            columns,
        })
    }

    async fn count(&self, db: &impl Source) -> Result<u64, String> {
        let count = Query::select()
            .expr(Expr::cust("COUNT(*)"))
            .from(Alias::new(self.name))
            .to_owned();
        let rows = db.rows(db.backend().build(&count)).await;
        let rows = rows.map_err(|error| self.failed(&explained(&error)))?;
        let count: Option<Result<i64, DbErr>> = rows.first().map(|row| row.get(0));
        match count {
            Some(Ok(count)) => Ok(count.unsigned_abs()),
            _ => Err(self.failed(&"its rows cannot be counted")),
        }
    }

    async fn clear(&self, db: &DatabaseTransaction) -> Result<(), String> {
        let clear = Query::delete().from_table(Alias::new(self.name)).to_owned();
        let cleared = db.execute(&clear).await;
        cleared.map_err(|error| self.failed(&explained(&error)))?;
        Ok(())
    }

    async fn copy(
        &self,
        source: &DatabaseTransaction,
        target: &DatabaseTransaction,
        of: u64,
        tell: &impl Fn(Progress),
    ) -> Result<(), String> {
        let mut done = 0;
        let mut last: Option<Vec<Value>> = None;
        loop {
            tell(Progress {
                table: self.name,
                done,
                of,
            });
            let query = source
                .get_database_backend()
                .build(&self.next(last.as_deref()));
            let rows = source.rows(query).await;
            let rows = rows.map_err(|error| self.failed(&explained(&error)))?;
            let rows: Vec<Vec<Value>> = rows
                .iter()
                .map(|row| self.values(row))
                .collect::<Result<_, String>>()?;
            let Some(newest) = rows.last() else {
                return Ok(());
            };
            last = Some(
                self.key
                    .iter()
                    .map(|place| newest[*place].clone())
                    .collect(),
            );
            done += rows.len() as u64;
            self.insert(target, rows).await?;
        }
    }

    /// The next rows in the order of their keys, after that one.
    fn next(&self, last: Option<&[Value]>) -> SelectStatement {
        let mut select = Query::select();
        select
            .columns(self.columns.iter().map(|(name, _)| Alias::new(*name)))
            .from(Alias::new(self.name))
            .limit(ROWS_AT_ONCE as u64);
        let key: Vec<_> = self
            .key
            .iter()
            .map(|place| self.columns[*place].0)
            .collect();
        for name in &key {
            select.order_by(Alias::new(*name), sea_orm::Order::Asc);
        }
        if let Some(last) = last {
            select.cond_where(after(&key, last));
        }
        select
    }

    fn values(&self, row: &Row) -> Result<Vec<Value>, String> {
        let mut values = Vec::with_capacity(self.columns.len());
        for (place, (column, kind)) in self.columns.iter().enumerate() {
            let value = row.value(place, *kind).map_err(|_| {
                let key = self.key.first().and_then(|key| values.get(*key));
                self.failed(&format!(
                    "the row {} holds something in {column} that is no value of Usher's; mend it, or delete the row",
                    key.map_or_else(|| "that comes next".to_owned(), shown)
                ))
            })?;
            values.push(value);
        }
        Ok(values)
    }

    /// Writes rows, with as many statements as it takes.
    async fn insert(
        &self,
        target: &DatabaseTransaction,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), String> {
        let mut some = Vec::new();
        let mut bytes = 0;
        for row in rows {
            let size = row.iter().map(size).sum::<usize>();
            if bytes + size > BYTES_AT_ONCE && !some.is_empty() {
                self.insert_at_once(target, std::mem::take(&mut some))
                    .await?;
                bytes = 0;
            }
            bytes += size;
            some.push(row);
        }
        self.insert_at_once(target, some).await
    }

    async fn insert_at_once(
        &self,
        target: &DatabaseTransaction,
        rows: Vec<Vec<Value>>,
    ) -> Result<(), String> {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new(self.name))
            .columns(self.columns.iter().map(|(name, _)| Alias::new(*name)));
        for row in rows {
            insert
                .values(row.into_iter().map(Expr::value))
                .map_err(|error| self.failed(&error))?;
        }
        let inserted = target.execute(&insert).await;
        inserted.map_err(|error| self.failed(&explained(&error)))?;
        Ok(())
    }

    fn failed(&self, reason: &dyn Display) -> String {
        format!("{}: {reason}", self.name)
    }
}

/// Whatever comes behind that key. In this form, each database finds it by the key's index.
fn after(key: &[&'static str], last: &[Value]) -> Condition {
    let (Some((name, names)), Some((value, values))) = (key.split_first(), last.split_first())
    else {
        return Condition::any();
    };
    let column = Expr::col(Alias::new(*name));
    if names.is_empty() {
        return Condition::all().add(column.gt(value.clone()));
    }
    let rest = Condition::any()
        .add(column.clone().gt(value.clone()))
        .add(after(names, values));
    Condition::all().add(column.gte(value.clone())).add(rest)
}

/// How many bytes a value takes, about.
fn size(value: &Value) -> usize {
    match value {
        Value::String(Some(text)) => text.len(),
        Value::Bytes(Some(bytes)) => bytes.len(),
        _ => 16,
    }
}

fn shown(key: &Value) -> String {
    match key {
        Value::Uuid(Some(id)) => id.to_string(),
        Value::String(Some(text)) => text.clone(),
        _ => "of an unreadable key".to_owned(),
    }
}
