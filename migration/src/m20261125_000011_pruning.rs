//! Indexes by which links that have ended are found when they are old: without them, each round reads
//! every invitation and every password reset there ever was.

use sea_orm_migration::prelude::*;

use crate::columns;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// A superseded invitation is revoked, and few others are; of resets, all go that have expired.
const INDEXES: [(&str, &str); 2] = [
    ("invitations", "revoked_at"),
    ("password_resets", "expires_at"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in INDEXES {
            manager
                .create_index(columns::index(table, &[column]))
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in INDEXES {
            let name = format!("ix_{table}_{column}");
            let index = Index::drop().table(table).name(name).to_owned();
            manager.drop_index(index).await?;
        }
        Ok(())
    }
}
