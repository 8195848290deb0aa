//! Creates `sessions`.

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
                    .table("sessions")
                    .col(columns::uuid("id").primary_key())
                    .col(columns::uuid("user_id"))
                    .col(columns::token_hash("token_hash"))
                    .col(columns::optional(columns::text("user_agent", 500)))
                    .col(columns::optional(columns::text("ip_address", 45)))
                    .col(columns::time("created_at"))
                    .col(columns::time("last_used_at"))
                    .col(columns::time("expires_at"))
                    .col(columns::time("ends_at"))
                    .col(ColumnDef::new("is_kept").boolean().not_null())
                    .foreign_key(&mut columns::reference(
                        "sessions",
                        "user_id",
                        "users",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                columns::index("sessions", &["token_hash"])
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(columns::index("sessions", &["user_id", "created_at"]))
            .await?;
        manager
            .create_index(columns::index("sessions", &["expires_at"]))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("sessions").to_owned())
            .await
    }
}
