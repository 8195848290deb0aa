//! Creates `emails`, `email_attempts` and `email_queue`.

use sea_orm_migration::prelude::*;

use crate::columns::{self, Columns};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let portable = Columns::of(manager);
        manager
            .create_table(
                portable
                    .table("emails")
                    .col(columns::uuid("id").primary_key())
                    .col(portable.key("kind", 50))
                    .col(portable.key("status", 16))
                    .col(ColumnDef::new("priority").small_integer().not_null())
                    .col(columns::text("from_mailbox", 500))
                    .col(portable.long_text("recipients"))
                    .col(portable.long_text("recipients_key"))
                    .col(columns::text("subject", 500))
                    .col(columns::text("subject_key", 1000))
                    .col(portable.long_text("text_body"))
                    .col(portable.long_text("html_body"))
                    .col(columns::optional(columns::text("secret_link", 2000)))
                    .col(columns::optional(columns::uuid("invitation_id")))
                    .col(columns::optional(columns::uuid("password_reset_id")))
                    .col(columns::optional(columns::time("expires_at")))
                    .col(portable.key("message_id", 400))
                    .col(ColumnDef::new("attempt_count").integer().not_null())
                    .col(columns::optional(portable.long_text("last_error")))
                    .col(columns::time("next_attempt_at"))
                    .col(columns::optional(columns::uuid("claim_id")))
                    .col(columns::optional(columns::time("lease_until")))
                    .col(columns::time("created_at"))
                    .col(columns::time("sent_at"))
                    .col(columns::time("changed_at"))
                    .foreign_key(&mut columns::reference(
                        "emails",
                        "invitation_id",
                        "invitations",
                        ForeignKeyAction::SetNull,
                    ))
                    .foreign_key(&mut columns::reference(
                        "emails",
                        "password_reset_id",
                        "password_resets",
                        ForeignKeyAction::SetNull,
                    ))
                    .to_owned(),
            )
            .await?;
        for columns in [
            // The worker's question: what is due, most urgent first?
            &["status", "priority", "next_attempt_at", "id"][..],
            // Its other one: whose lease has run out?
            &["status", "lease_until"],
            // One an order of `emails(orderBy:)`, each with the key that breaks ties.
            &["created_at", "id"],
            &["sent_at", "id"],
            &["next_attempt_at", "id"],
            // The watchers': what has changed since?
            &["changed_at", "id"],
            &["invitation_id", "created_at"],
            &["password_reset_id"],
            // The clean-up's: whose purpose has ended by time?
            &["expires_at"],
        ] {
            manager
                .create_index(columns::index("emails", columns))
                .await?;
        }
        manager
            .create_table(
                portable
                    .table("email_attempts")
                    .col(columns::uuid("id").primary_key())
                    .col(columns::uuid("email_id"))
                    .col(columns::text("transport", 100))
                    .col(columns::time("started_at"))
                    .col(columns::optional(columns::time("finished_at")))
                    .col(ColumnDef::new("succeeded").boolean().not_null())
                    .col(columns::optional(portable.long_text("response")))
                    .foreign_key(&mut columns::reference(
                        "email_attempts",
                        "email_id",
                        "emails",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(columns::index(
                "email_attempts",
                &["email_id", "started_at"],
            ))
            .await?;
        manager
            .create_table(
                portable
                    .table("email_queue")
                    .col(
                        ColumnDef::new("id")
                            .small_integer()
                            .not_null()
                            .primary_key(),
                    )
                    .col(columns::optional(columns::time("paused_at")))
                    .col(columns::optional(columns::uuid("paused_by")))
                    .col(columns::optional(columns::time("transport_failed_at")))
                    .col(columns::optional(portable.long_text("transport_error")))
                    .col(columns::optional(columns::time("transport_retry_at")))
                    .to_owned(),
            )
            .await?;
        manager
            .execute(
                Query::insert()
                    .into_table("email_queue")
                    .columns(["id"])
                    .values_panic([1_i16.into()])
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["email_queue", "email_attempts", "emails"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
