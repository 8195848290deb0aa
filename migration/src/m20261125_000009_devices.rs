//! Creates `devices`. They tell who a throttle is not for; an address does no longer.

use sea_orm_migration::prelude::*;

use crate::columns::{self, Columns};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Columns::of(manager)
                    .table("devices")
                    .col(columns::token_hash("token_hash").primary_key())
                    .col(columns::uuid("user_id"))
                    .col(columns::optional(columns::uuid("session_id")))
                    .col(columns::time("expires_at"))
                    .foreign_key(&mut columns::reference(
                        "devices",
                        "user_id",
                        "users",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        for columns in [
            &["user_id", "expires_at"][..],
            &["session_id"],
            &["expires_at"],
        ] {
            manager
                .create_index(columns::index("devices", columns))
                .await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table("throttles")
                    .drop_column("trusted_until")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("throttles")
                    .add_column(columns::time("trusted_until").default(0))
                    .to_owned(),
            )
            .await?;
        manager
            .drop_table(Table::drop().table("devices").to_owned())
            .await
    }
}
