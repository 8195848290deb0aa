//! The invitation that counts: the newest of a user.

use entity::{UserId, invitation};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::database::Source;
use crate::domain::app::App;
use crate::domain::error::Result;

/// The newest invitation of each of these users, with one query.
pub async fn newest_of(
    app: &App,
    db: &impl Source,
    users: &[UserId],
) -> Result<Vec<invitation::Model>> {
    let mut newest: Vec<invitation::Model> = Vec::new();
    let all = invitation::Entity::find()
        .filter(invitation::Column::UserId.is_in(users.iter().copied()))
        .order_by_asc(invitation::Column::UserId)
        .order_by_desc(invitation::Column::CreatedAt)
        .order_by_desc(invitation::Column::Id);
    for invitation in app.db.all(db, all).await? {
        if newest.last().map(|last| last.user_id) != Some(invitation.user_id) {
            newest.push(invitation);
        }
    }
    Ok(newest)
}
