//! Creates `invitations`.

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
                    .table("invitations")
                    .col(columns::uuid("id").primary_key())
                    .col(columns::uuid("user_id"))
                    .col(columns::text("email", 320))
                    .col(columns::optional(columns::uuid("invited_by")))
                    .col(columns::token_hash("token_hash"))
                    .col(columns::time("created_at"))
                    .col(columns::time("expires_at"))
                    .col(columns::optional(columns::time("accepted_at")))
                    .col(columns::optional(columns::time("revoked_at")))
                    .foreign_key(&mut columns::reference(
                        "invitations",
                        "user_id",
                        "users",
                        ForeignKeyAction::Cascade,
                    ))
                    .foreign_key(&mut columns::reference(
                        "invitations",
                        "invited_by",
                        "users",
                        ForeignKeyAction::SetNull,
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                columns::index("invitations", &["token_hash"])
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(columns::index("invitations", &["user_id", "created_at"]))
            .await?;
        // Without it, deleting a user would read every invitation there ever was.
        manager
            .create_index(columns::index("invitations", &["invited_by"]))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("invitations").to_owned())
            .await
    }
}
