//! How each attempt to send an e-mail ended; which e-mails were deleted a short while ago; and which client was
//! behind an event.

use sea_orm_migration::prelude::*;

use crate::columns::{self, Columns};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let user_agent = columns::optional(columns::text("user_agent", 500));
        columns::add(manager, "events", user_agent).await?;
        let outcome = columns::optional(columns::text("outcome", 24));
        columns::add(manager, "email_attempts", outcome).await?;
        let portable = Columns::of(manager);
        let deletions = portable
            .table("email_deletions")
            .col(columns::uuid("id").primary_key())
            .col(columns::time("deleted_at"))
            .if_not_exists()
            .to_owned();
        manager.create_table(deletions).await?;
        columns::add_index(manager, "email_deletions", &["deleted_at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("email_deletions").to_owned())
            .await?;
        columns::remove(manager, "email_attempts", "outcome").await?;
        columns::remove(manager, "events", "user_agent").await
    }
}
