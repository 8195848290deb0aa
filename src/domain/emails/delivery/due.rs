//! Whether there is anything to do, asked with a single query: servers that idle ask it again and again.

use entity::email::Status;
use entity::{email, email_queue, password_reset_request};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};

use super::claim::{exists, is_one_due};
use super::transport_pause;
use crate::domain::app::App;
use crate::domain::error::Result;

/// Whether a worker that has nothing in its hands would find anything: an e-mail that is due, while
/// e-mails may be sent; one whose worker is gone; a request for a password reset.
///
/// It may say so when there is nothing after all, and never the other way round.
pub async fn is_anything_due(app: &App) -> Result<bool> {
    let silent = email::Entity::find()
        .filter(email::Column::Status.eq(Status::Sending))
        .filter(Expr::col(email::Column::LeaseUntil).lt(app.db.now(&app.clock)));
    let is_anything = Condition::any()
        .add(transport_pause::may_send(app).and(is_one_due(app)))
        .add(exists(silent))
        .add(exists(password_reset_request::Entity::find()));
    let asked = email_queue::Entity::find_by_id(email_queue::ONLY)
        .select_only()
        .expr(CaseStatement::new().case(is_anything, 1_i64).finally(0_i64));
    let answered: Vec<i64> = app.db.values(app.db.read(), asked).await?;
    // Where the queue's own row is missing, whoever looks closer knows what to do.
    Ok(answered != [0])
}
