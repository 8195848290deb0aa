//! Creates `throttles`, and lets a session end with the browser.

use sea_orm_migration::prelude::*;

use crate::columns::{self, Columns};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let portable = Columns::of(manager);
        manager
            .create_table(
                portable
                    .table("throttles")
                    .col(portable.key("subject", 160).primary_key())
                    .col(columns::optional(portable.key("account", 64)))
                    .col(ColumnDef::new("attempts").integer().not_null())
                    .col(columns::time("blocked_until"))
                    .col(columns::time("trusted_until"))
                    .col(columns::time("counted_since"))
                    .to_owned(),
            )
            .await?;
        for columns in [&["account"][..], &["counted_since"]] {
            manager
                .create_index(columns::index("throttles", columns))
                .await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table("sessions")
                    .add_column(ColumnDef::new("is_kept").boolean().not_null().default(true))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("sessions")
                    .drop_column("is_kept")
                    .to_owned(),
            )
            .await?;
        manager
            .drop_table(Table::drop().table("throttles").to_owned())
            .await
    }
}
