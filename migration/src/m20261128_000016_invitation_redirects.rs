//! Where somebody is led after they have accepted an invitation.

use sea_orm_migration::prelude::*;

use crate::columns;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = columns::optional(columns::text("redirect_url", 2000));
        columns::add(manager, "invitations", column).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        columns::remove(manager, "invitations", "redirect_url").await
    }
}
