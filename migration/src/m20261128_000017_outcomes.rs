//! How each attempt to send an e-mail ended, in the place of whether it succeeded; which e-mails were deleted a
//! short while ago; and which client was behind an event.

use sea_orm_migration::prelude::*;

use crate::columns::{self, Columns};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add(manager, "events", columns::text("user_agent", 500)).await?;
        add(manager, "email_attempts", columns::text("outcome", 24)).await?;
        let ended = |outcome: &'static str, succeeded: bool| {
            Query::update()
                .table("email_attempts")
                .value("outcome", outcome)
                .and_where(Expr::col("succeeded").eq(succeeded))
                .and_where(Expr::col("finished_at").is_not_null())
                .to_owned()
        };
        // Of what failed, nobody wrote down how; most of it was tried again.
        for update in [ended("delivered", true), ended("transient-failure", false)] {
            manager.execute(update).await?;
        }
        drop(manager, "email_attempts", "succeeded").await?;
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
        let mut succeeded = ColumnDef::new("succeeded");
        succeeded.boolean().not_null().default(false);
        let table = Table::alter()
            .table("email_attempts")
            .add_column(succeeded)
            .to_owned();
        manager.alter_table(table).await?;
        let delivered = Query::update()
            .table("email_attempts")
            .value("succeeded", true)
            .and_where(Expr::col("outcome").eq("delivered"))
            .to_owned();
        manager.execute(delivered).await?;
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
