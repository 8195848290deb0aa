//! Whether the configuration declares a role. Those from before are made by hand.

use sea_orm_migration::prelude::*;

use crate::columns;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = ColumnDef::new("is_managed");
        column.boolean().not_null().default(false);
        columns::add(manager, "roles", column).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        columns::remove(manager, "roles", "is_managed").await
    }
}
