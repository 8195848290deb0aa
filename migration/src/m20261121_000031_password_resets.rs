//! Creates `password_resets` and `password_reset_requests`, and ties e-mails to resets.

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
            .await?;
        // SQLite cannot add a foreign key to a table that is there; a reset goes with its user, and
        // a mail may outlive it.
        manager
            .alter_table(
                Table::alter()
                    .table("emails")
                    .add_column(columns::optional(columns::uuid("password_reset_id")))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(columns::index("emails", &["password_reset_id"]))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(
                Index::drop()
                    .name("ix_emails_password_reset_id")
                    .table("emails")
                    .to_owned(),
            )
            .await?;
        manager
            .alter_table(
                Table::alter()
                    .table("emails")
                    .drop_column("password_reset_id")
                    .to_owned(),
            )
            .await?;
        for table in ["password_reset_requests", "password_resets"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
