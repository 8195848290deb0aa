//! Creates `password_resets` and `password_reset_requests`.

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
                    .table("password_resets")
                    .col(columns::uuid("id").primary_key())
                    .col(columns::uuid("user_id"))
                    .col(columns::token_hash("token_hash"))
                    .col(columns::time("created_at"))
                    .col(columns::time("expires_at"))
                    .col(columns::optional(columns::time("used_at")))
                    .col(columns::optional(columns::time("revoked_at")))
                    .foreign_key(&mut columns::reference(
                        "password_resets",
                        "user_id",
                        "users",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                columns::index("password_resets", &["token_hash"])
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(columns::index(
                "password_resets",
                &["user_id", "created_at"],
            ))
            .await?;
        manager
            .create_table(
                portable
                    .table("password_reset_requests")
                    .col(columns::uuid("id").primary_key())
                    .col(columns::text("email_normal", 320))
                    .col(columns::optional(columns::text("ip_address", 45)))
                    .col(columns::time("created_at"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["password_reset_requests", "password_resets"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
