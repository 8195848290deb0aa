//! Creates `roles`, `role_permissions`, `user_roles` and `revisions`.

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
                    .table("roles")
                    .col(columns::uuid("id").primary_key())
                    .col(columns::text("name", 100))
                    .col(columns::text("code_name", 100))
                    .col(portable.key("code_name_key", 100))
                    .col(columns::text("description", 1000))
                    .col(ColumnDef::new("is_protected").boolean().not_null())
                    .col(columns::time("created_at"))
                    .col(columns::time("updated_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                columns::index("roles", &["code_name_key"])
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(columns::index("roles", &["created_at", "id"]))
            .await?;
        manager
            .create_table(
                portable
                    .table("role_permissions")
                    .col(columns::uuid("role_id"))
                    .col(portable.key("permission", 210))
                    .primary_key(Index::create().col("role_id").col("permission"))
                    .foreign_key(&mut columns::reference(
                        "role_permissions",
                        "role_id",
                        "roles",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                portable
                    .table("user_roles")
                    .col(columns::uuid("user_id"))
                    .col(columns::uuid("role_id"))
                    .primary_key(Index::create().col("user_id").col("role_id"))
                    .foreign_key(&mut columns::reference(
                        "user_roles",
                        "user_id",
                        "users",
                        ForeignKeyAction::Cascade,
                    ))
                    .foreign_key(&mut columns::reference(
                        "user_roles",
                        "role_id",
                        "roles",
                        ForeignKeyAction::Cascade,
                    ))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(columns::index("user_roles", &["role_id", "user_id"]))
            .await?;
        manager
            .create_table(
                portable
                    .table("revisions")
                    .col(portable.key("subject", 50).primary_key())
                    .col(ColumnDef::new("revision").big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .execute(
                Query::insert()
                    .into_table("revisions")
                    .columns(["subject", "revision"])
                    .values_panic(["roles".into(), 1_i64.into()])
                    // Locked by whatever may take an administrator away.
                    .values_panic(["administrators".into(), 1_i64.into()])
                    .to_owned(),
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["revisions", "user_roles", "role_permissions", "roles"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
