//! What further lists, and their filters and orders, are read from: invitations by age and by the end of the
//! link, users by their last change, events by session and by IP address.

use sea_orm_migration::prelude::*;

use crate::columns;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [(&str, &[&str]); 5] = [
    ("invitations", &["created_at", "id"]),
    ("invitations", &["expires_at", "id"]),
    ("users", &["updated_at", "id"]),
    ("events", &["session_id", "created_at", "id"]),
    ("events", &["ip_address", "created_at", "id"]),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in INDEXES {
            columns::add_index(manager, table, columns).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, columns) in INDEXES {
            let name = format!("ix_{table}_{}", columns.join("_"));
            let index = Index::drop().table(table).name(name).to_owned();
            manager.drop_index(index).await?;
        }
        Ok(())
    }
}
