//! Whether the configuration declares a role. Those from before are made by hand.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = ColumnDef::new("is_managed");
        column.boolean().not_null().default(false);
        let table = Table::alter().table("roles").add_column(column).to_owned();
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("roles")
            .drop_column("is_managed")
            .to_owned();
        manager.alter_table(table).await
    }
}
