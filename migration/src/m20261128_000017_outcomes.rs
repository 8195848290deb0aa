//! How each attempt to send an e-mail ended; which e-mails were deleted a short while ago; and which client was
//! behind an event.

use sea_orm_migration::prelude::*;

use crate::columns::{self, Columns};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add(manager, "events", columns::text("user_agent", 500)).await?;
        add(manager, "email_attempts", columns::text("outcome", 24)).await?;
        let portable = Columns::of(manager);
        let deletions = portable
            .table("email_deletions")
            .col(columns::uuid("id").primary_key())
            .col(columns::time("deleted_at"))
            .to_owned();
        manager.create_table(deletions).await?;
        manager
            .create_index(columns::index("email_deletions", &["deleted_at"]))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("email_deletions").to_owned())
            .await?;
        drop(manager, "email_attempts", "outcome").await?;
        drop(manager, "events", "user_agent").await
    }
}

async fn add(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: ColumnDef,
) -> Result<(), DbErr> {
    let column = columns::optional(column);
    let table = Table::alter().table(table).add_column(column).to_owned();
    manager.alter_table(table).await
}

async fn drop(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &'static str,
) -> Result<(), DbErr> {
    let table = Table::alter().table(table).drop_column(column).to_owned();
    manager.alter_table(table).await
}
