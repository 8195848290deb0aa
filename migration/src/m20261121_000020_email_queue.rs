//! Lets `emails` be sorted by times that may not have come, tells when a mail last changed, and who
//! stopped the queue.

use sea_orm_migration::prelude::*;

use crate::columns;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What stands for "never" in a column that lists are sorted by: it comes before every time.
const NEVER: i64 = i64::MIN;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A keyset page cannot continue behind a null. The columns stay as they are, but no null is
        // written into them any more: SQLite cannot take the permission for it back.
        for column in ["sent_at", "next_attempt_at"] {
            let update = Query::update()
                .table("emails")
                .value(column, NEVER)
                .and_where(Expr::col(column).is_null())
                .to_owned();
            manager.execute(update).await?;
        }
        let changed_at = columns::time("changed_at").default(0).to_owned();
        manager
            .alter_table(
                Table::alter()
                    .table("emails")
                    .add_column(changed_at)
                    .to_owned(),
            )
            .await?;
        let update = Query::update()
            .table("emails")
            .value("changed_at", Expr::col("created_at"))
            .to_owned();
        manager.execute(update).await?;
        for columns in [
            &["changed_at", "id"][..],
            &["sent_at", "id"],
            &["next_attempt_at", "id"],
        ] {
            manager
                .create_index(columns::index("emails", columns))
                .await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table("email_queue")
                    .add_column(columns::optional(columns::uuid("paused_by")))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("email_queue")
                    .drop_column("paused_by")
                    .to_owned(),
            )
            .await?;
        for name in [
            "ix_emails_changed_at_id",
            "ix_emails_sent_at_id",
            "ix_emails_next_attempt_at_id",
        ] {
            let drop = Index::drop().name(name).table("emails").to_owned();
            manager.drop_index(drop).await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table("emails")
                    .drop_column("changed_at")
                    .to_owned(),
            )
            .await?;
        for column in ["sent_at", "next_attempt_at"] {
            let update = Query::update()
                .table("emails")
                .value(column, Option::<i64>::None)
                .and_where(Expr::col(column).eq(NEVER))
                .to_owned();
            manager.execute(update).await?;
        }
        Ok(())
    }
}
