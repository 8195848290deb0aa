//! Where in an e-mail's link its token is, so that the link can be built anew when the e-mail is sent. Links
//! from before stay as they are.

use sea_orm_migration::prelude::*;

use crate::columns;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = columns::optional(ColumnDef::new("token_at").small_integer().to_owned());
        let table = Table::alter().table("emails").add_column(column).to_owned();
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("emails")
            .drop_column("token_at")
            .to_owned();
        manager.alter_table(table).await
    }
}
