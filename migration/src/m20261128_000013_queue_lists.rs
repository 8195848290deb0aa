//! The queue's own list, in one state and by age, is read from an index, however many e-mails there are.

use sea_orm_migration::prelude::*;

use crate::columns;

#[derive(DeriveMigrationName)]
pub struct Migration;

const BEFORE: &[&str] = &["status", "id"];
const NOW: &[&str] = &["status", "created_at", "id"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace(manager, BEFORE, NOW).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace(manager, NOW, BEFORE).await
    }
}

async fn replace(
    manager: &SchemaManager<'_>,
    old: &[&str],
    new: &'static [&'static str],
) -> Result<(), DbErr> {
    manager.create_index(columns::index("emails", new)).await?;
    let name = format!("ix_emails_{}", old.join("_"));
    let index = Index::drop().table("emails").name(name).to_owned();
    manager.drop_index(index).await
}
