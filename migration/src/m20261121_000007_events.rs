//! Creates `events`.

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
                    .table("events")
                    .col(columns::uuid("id").primary_key())
                    .col(columns::time("created_at"))
                    .col(columns::optional(columns::uuid("actor_id")))
                    .col(columns::text("actor_label", 320))
                    .col(columns::optional(columns::uuid("session_id")))
                    .col(columns::optional(columns::text("ip_address", 45)))
                    .col(portable.key("action", 50))
                    .col(portable.key("subject_type", 20))
                    .col(columns::optional(columns::uuid("subject_id")))
                    .col(columns::text("subject_label", 500))
                    .col(portable.long_text("changes"))
                    .to_owned(),
            )
            .await?;
        // One index a way of narrowing the list, each in the list's order.
        for columns in [
            &["created_at", "id"][..],
            &["actor_id", "created_at", "id"],
            &["subject_id", "created_at", "id"],
            &["action", "created_at", "id"],
        ] {
            manager
                .create_index(columns::index("events", columns))
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("events").to_owned())
            .await
    }
}
