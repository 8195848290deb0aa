//! Where somebody is led after they have accepted an invitation.

use sea_orm_migration::prelude::*;

use crate::columns;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = columns::optional(columns::text("redirect_url", 2000));
        let table = Table::alter()
            .table("invitations")
            .add_column(column)
            .to_owned();
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("invitations")
            .drop_column("redirect_url")
            .to_owned();
        manager.alter_table(table).await
    }
}
