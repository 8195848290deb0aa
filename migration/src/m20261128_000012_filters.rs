//! What the filters of lists are answered from, whatever the size of the table: a user's state and an
//! e-mail's kind under an index, the states of invitations, and the texts that are searched.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns;
use crate::search::Searched;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The state that follows from the columns beside it, so that it cannot contradict them.
const STATUS: &str =
    "CASE WHEN deactivated_at IS NOT NULL THEN 2 WHEN password_hash IS NULL THEN 0 ELSE 1 END";

const INDEXES: [(&str, &[&str]); 4] = [
    ("users", &["status", "id"]),
    (
        "invitations",
        &["revoked_at", "accepted_at", "expires_at", "user_id"],
    ),
    ("emails", &["kind", "id"]),
    ("emails", &["status", "id"]),
];

const SEARCHED: [Searched; 2] = [
    Searched {
        table: "users",
        columns: &["search_text"],
    },
    Searched {
        table: "emails",
        columns: &["recipients_key", "subject_key"],
    },
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds no column that it would have to store, PostgreSQL none that it would not.
        let is_stored = manager.get_database_backend() == DbBackend::Postgres;
        let mut status = ColumnDef::new("status");
        status
            .small_integer()
            .generated(Expr::cust(STATUS), is_stored);
        let table = Table::alter().table("users").add_column(status).to_owned();
        manager.alter_table(table).await?;
        for (table, columns) in INDEXES {
            manager.create_index(columns::index(table, columns)).await?;
        }
        for searched in SEARCHED {
            searched.index(manager).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for searched in SEARCHED {
            searched.drop_index(manager).await?;
        }
        for (table, columns) in INDEXES {
            let name = format!("ix_{table}_{}", columns.join("_"));
            let index = Index::drop().table(table).name(name).to_owned();
            manager.drop_index(index).await?;
        }
        let table = Table::alter()
            .table("users")
            .drop_column("status")
            .to_owned();
        manager.alter_table(table).await
    }
}
