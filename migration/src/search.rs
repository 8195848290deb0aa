//! Indexes over the parts of texts, of three characters each, with which any part of a text is found.
//!
//! SQLite has them in FTS5, PostgreSQL in its extension `pg_trgm`, where that may be created. MariaDB
//! has none, and its tables are searched row by row.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Columns of a table, in lower case, of which parts are searched for.
pub struct Searched {
    pub table: &'static str,
    pub columns: &'static [&'static str],
}

impl Searched {
    /// Creates the index, and fills it.
    pub async fn index(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let statements = match manager.get_database_backend() {
            DbBackend::Sqlite => self.in_sqlite(),
            DbBackend::Postgres => self.in_postgres(),
            _ => return Ok(()),
        };
        execute(manager, &statements).await
    }

    /// Removes it again.
    pub async fn drop_index(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let table = self.table;
        let statements = match manager.get_database_backend() {
            DbBackend::Sqlite => ["insert", "update", "delete"]
                .map(|change| format!("DROP TRIGGER {table}_search_{change}"))
                .into_iter()
                .chain([
                    format!("DROP TABLE {table}_search_index"),
                    format!("DROP TABLE {table}_search"),
                ])
                .collect(),
            DbBackend::Postgres => self
                .columns
                .iter()
                .map(|column| format!("DROP INDEX IF EXISTS ix_{table}_{column}_parts"))
                .collect(),
            _ => Vec::new(),
        };
        execute(manager, &statements).await
    }

    /// The index knows a text by a number. A table of its own says whose text it is: the number that
    /// SQLite gives to a row without one may change when the file is compacted.
    fn in_sqlite(&self) -> Vec<String> {
        let (table, columns) = (self.table, self.columns.join(", "));
        let new = prefixed("NEW", self.columns);
        let set: Vec<String> = (self.columns.iter())
            .map(|column| format!("{column} = NEW.{column}"))
            .collect();
        let number = |row| format!("(SELECT number FROM {table}_search WHERE id = {row}.id)");
        vec![
            format!(
                "CREATE TABLE {table}_search (number INTEGER PRIMARY KEY, id uuid_text NOT NULL UNIQUE)"
            ),
            format!(
                "CREATE VIRTUAL TABLE {table}_search_index USING fts5({columns}, content = '', \
                 contentless_delete = 1, detail = 'column', tokenize = 'trigram case_sensitive 1')"
            ),
            format!("INSERT INTO {table}_search (id) SELECT id FROM {table}"),
            format!(
                "INSERT INTO {table}_search_index (rowid, {columns}) SELECT number, {columns} \
                 FROM {table}_search JOIN {table} USING (id)"
            ),
            format!(
                "CREATE TRIGGER {table}_search_insert AFTER INSERT ON {table} BEGIN \
                 INSERT INTO {table}_search (id) VALUES (NEW.id); \
                 INSERT INTO {table}_search_index (rowid, {columns}) VALUES ({}, {new}); END",
                number("NEW")
            ),
            format!(
                "CREATE TRIGGER {table}_search_update AFTER UPDATE OF {columns} ON {table} BEGIN \
                 UPDATE {table}_search_index SET {} WHERE rowid = {}; END",
                set.join(", "),
                number("NEW")
            ),
            format!(
                "CREATE TRIGGER {table}_search_delete AFTER DELETE ON {table} BEGIN \
                 DELETE FROM {table}_search_index WHERE rowid = {}; \
                 DELETE FROM {table}_search WHERE id = OLD.id; END",
                number("OLD")
            ),
        ]
    }

    /// Whoever owns the database may create the extension (PostgreSQL 13 or later, where it is
    /// installed); elsewhere there is no index.
    fn in_postgres(&self) -> Vec<String> {
        let table = self.table;
        let indexes = self.columns.iter().map(|column| {
            format!(
                "CREATE INDEX ix_{table}_{column}_parts ON {table} USING gin ({column} gin_trgm_ops);"
            )
        });
        let indexes: String = indexes.collect();
        vec![format!(
            "DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; {indexes} \
             EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'no index for searching: %', SQLERRM; END $$"
        )]
    }
}

fn prefixed(row: &str, columns: &[&str]) -> String {
    let prefixed: Vec<String> = (columns.iter())
        .map(|column| format!("{row}.{column}"))
        .collect();
    prefixed.join(", ")
}

async fn execute(manager: &SchemaManager<'_>, statements: &[String]) -> Result<(), DbErr> {
    for statement in statements {
        manager
            .get_connection()
            .execute_unprepared(statement)
            .await?;
    }
    Ok(())
}
