//! The list of invitations, by age and by the end of the link, is read from an index.

use sea_orm_migration::prelude::*;

use crate::columns;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [&[&str]; 2] = [&["created_at", "id"], &["expires_at", "id"]];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for columns in INDEXES {
            let index = columns::index("invitations", columns);
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for columns in INDEXES {
            let name = format!("ix_invitations_{}", columns.join("_"));
            let index = Index::drop().table("invitations").name(name).to_owned();
            manager.drop_index(index).await?;
        }
        Ok(())
    }
}
