//! Column and table definitions that mean the same on SQLite, PostgreSQL, MariaDB and MySQL.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Builds tables and columns for one database.
pub struct Columns(DbBackend);

impl Columns {
    /// For the database that `manager` works on.
    pub fn of(manager: &SchemaManager<'_>) -> Self {
        Self(manager.get_database_backend())
    }

    /// A new table. On MariaDB and MySQL, text in it compares by code point, as it does on SQLite.
    pub fn table(&self, name: &'static str) -> TableCreateStatement {
        let mut table = Table::create();
        table.table(name);
        if self.0 == DbBackend::MySql {
            table
                .engine("InnoDB")
                .character_set("utf8mb4")
                .collate("utf8mb4_bin");
        }
        table
    }

    /// Text of at most `length` characters that sorts and compares by code point everywhere: what
    /// a unique index, an order or a keyset cursor stands on.
    pub fn key(&self, name: &'static str, length: u32) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        column.string_len(length).not_null();
        if self.0 == DbBackend::Postgres {
            column.extra("COLLATE \"C\"");
        }
        column
    }

    /// Text of any length. MySQL's `TEXT` ends at 64 KiB, which an e-mail may exceed.
    pub fn long_text(&self, name: &'static str) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        match self.0 {
            DbBackend::MySql => column.custom("LONGTEXT"),
            _ => column.text(),
        };
        column.not_null();
        column
    }
}

/// Text of at most `length` characters that is only shown, never searched or sorted by.
pub fn text(name: &'static str, length: u32) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.string_len(length).not_null();
    column
}

/// A UUID.
pub fn uuid(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.uuid().not_null();
    column
}

/// A point in time: microseconds since 1970.
pub fn time(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer().not_null();
    column
}

/// The SHA-256 digest of a token.
pub fn token_hash(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.binary_len(32).not_null();
    column
}

/// Makes a column one that may be empty.
pub fn optional(mut column: ColumnDef) -> ColumnDef {
    column.null();
    column
}

/// A foreign key `table.column → parent.id`, and what becomes of the row with its parent.
pub fn reference(
    table: &'static str,
    column: &'static str,
    parent: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(table, column)
        .to(parent, "id")
        .on_delete(on_delete)
        .to_owned()
}

/// Adds a column, unless it is there. On MariaDB and MySQL, what a migration did before its process died
/// stays, and the migration begins again.
pub async fn add(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: ColumnDef,
) -> Result<(), DbErr> {
    if manager.has_column(table, column.get_column_name()).await? {
        return Ok(());
    }
    let table = Table::alter().table(table).add_column(column).to_owned();
    manager.alter_table(table).await
}

/// Takes a column away.
pub async fn remove(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &'static str,
) -> Result<(), DbErr> {
    let table = Table::alter().table(table).drop_column(column).to_owned();
    manager.alter_table(table).await
}

/// Adds an index, unless it is there, for the same reason.
pub async fn add_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    if manager.has_index(table, index_name(table, columns)).await? {
        return Ok(());
    }
    manager.create_index(index(table, columns)).await
}

fn index_name(table: &str, columns: &[&str]) -> String {
    format!("ix_{table}_{}", columns.join("_"))
}

/// An index over `columns`, named after them.
pub fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(index_name(table, columns)).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}
