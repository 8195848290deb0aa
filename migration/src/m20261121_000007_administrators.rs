//! Adds the counter whose row is locked by whatever may take an administrator away.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .execute(
                Query::insert()
                    .into_table("revisions")
                    .columns(["subject", "revision"])
                    .values_panic(["administrators".into(), 1_i64.into()])
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .execute(
                Query::delete()
                    .from_table("revisions")
                    .and_where(Expr::col("subject").eq("administrators"))
                    .to_owned(),
            )
            .await?;
        Ok(())
    }
}
