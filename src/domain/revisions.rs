//! Counters of changes: to the roles, and to who the administrators are.

use entity::revision;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::error::Result;
use crate::database::{Transaction, Write};

/// Counts a change to `subject`, one of the constants of [`revision`]. The counter stays locked until the
/// transaction ends, so such changes are made one after the other, on every server. Whoever counts does so
/// before locking anything else.
pub async fn count_change(transaction: &Transaction, subject: &str) -> Result<()> {
    revision::Entity::update_many()
        .col_expr(
            revision::Column::Revision,
            Expr::col(revision::Column::Revision).add(1),
        )
        .filter(revision::Column::Subject.eq(subject))
        .write(transaction)
        .await?;
    Ok(())
}
