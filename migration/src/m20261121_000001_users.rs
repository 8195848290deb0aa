//! Creates `users`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

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
                    .table("users")
                    .col(columns::uuid("id").primary_key())
                    .col(columns::text("email", 320))
                    .col(portable.key("email_normal", 320))
                    .col(columns::text("first_name", 100))
                    .col(columns::text("last_name", 100))
                    .col(portable.key("name_key", 640))
                    .col(portable.key("search_text", 1200))
                    .col(columns::optional(columns::text("password_hash", 255)))
                    .col(columns::optional(columns::time("deactivated_at")))
                    .col(columns::time("created_at"))
                    .col(columns::time("updated_at"))
                    .col(columns::time("last_signed_in_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                columns::index("users", &["email_normal"])
                    .unique()
                    .to_owned(),
            )
            .await?;
        // One index an order of `users(orderBy:)`, each with the key that breaks ties.
        for order in ["created_at", "last_signed_in_at"] {
            manager
                .create_index(columns::index("users", &[order, "id"]))
                .await?;
        }
        manager
            .create_index(columns::index("users", by_name(manager)))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("users").to_owned())
            .await
    }
}

/// The columns of the index over users by name. SQLite finds a rare search term several times faster
/// where the searched text stands in the index itself; elsewhere an index entry has a limit that it
/// could exceed.
fn by_name(manager: &SchemaManager) -> &'static [&'static str] {
    match manager.get_database_backend() {
        DbBackend::Sqlite => &["name_key", "id", "search_text"],
        _ => &["name_key", "id"],
    }
}
