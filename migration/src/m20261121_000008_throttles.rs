//! Creates `throttles`.

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
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("throttles").to_owned())
            .await
    }
}
