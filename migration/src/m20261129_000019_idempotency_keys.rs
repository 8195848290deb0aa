//! Creates `idempotency_keys`: what was done for whoever may ask for the same again.

use sea_orm_migration::prelude::*;

use crate::columns::{self, Columns};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let portable = Columns::of(manager);
        let keys = portable
            .table("idempotency_keys")
            .col(portable.key("digest", 64).primary_key())
            .col(columns::uuid("user_id"))
            .col(columns::text("input_digest", 64))
            .col(portable.long_text("outcome"))
            .col(columns::time("created_at"))
            .foreign_key(&mut columns::reference(
                "idempotency_keys",
                "user_id",
                "users",
                ForeignKeyAction::Cascade,
            ))
            .if_not_exists()
            .to_owned();
        manager.create_table(keys).await?;
        for columns in [&["user_id"][..], &["created_at"]] {
            columns::add_index(manager, "idempotency_keys", columns).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("idempotency_keys").to_owned())
            .await
    }
}
