//! Recording that e-mails were sent: however many there are, with the same few statements.

use std::collections::BTreeSet;

use entity::email::Status;
use entity::{EmailId, email, email_attempt};
use sea_orm::sea_query::{CaseStatement, Expr, LockType, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use super::claim::{self, Claim};
use super::outcome::{Outcome, unclaimed};
use crate::database::Write;
use crate::domain::change::Change;
use crate::domain::error::Result;

/// Records that these e-mails were sent. Where the claim was lost in the meantime, nothing is changed.
pub(super) async fn record(change: &Change<'_>, sent: &[(&Claim, &Outcome)]) -> Result<()> {
    if sent.is_empty() {
        return Ok(());
    }
    let held = held(change, sent).await?;
    let is_held = |(claim, _): &&(&Claim, &Outcome)| held.contains(&(claim.email.id, claim.id));
    let sent: Vec<_> = sent.iter().copied().filter(|sent| is_held(&sent)).collect();
    if sent.is_empty() {
        return Ok(());
    }
    let these = email::Column::Id.is_in(sent.iter().map(|(claim, _)| claim.email.id));
    // A sent e-mail that is not kept is deleted together with its attempts.
    if change.app().settings.mail.queue.keep_sent_days == 0 {
        email::Entity::delete_many()
            .filter(these)
            .write(change.db())
            .await?;
        return Ok(());
    }
    end_attempts(change, &sent).await?;
    let now = change.app().clock.now();
    email::Entity::update_many()
        .set(email::ActiveModel {
            status: Set(Status::Sent),
            sent_at: Set(now.into()),
            last_error: Set(None),
            ..unclaimed(now)
        })
        .col_expr(email::Column::SecretLink, link_that_is_kept())
        .filter(these)
        .write(change.db())
        .await?;
    Ok(())
}

/// Which of the e-mails are still held, and by which claims. They are locked.
async fn held(
    change: &Change<'_>,
    sent: &[(&Claim, &Outcome)],
) -> Result<BTreeSet<(EmailId, Uuid)>> {
    let claims: BTreeSet<Uuid> = sent.iter().map(|(claim, _)| claim.id).collect();
    // Whole rows: one that cannot be read must not be left behind as sent.
    let held = email::Entity::find()
        .filter(email::Column::Id.is_in(sent.iter().map(|(claim, _)| claim.email.id)))
        .filter(email::Column::ClaimId.is_in(claims))
        .order_by_asc(email::Column::Id)
        .lock(LockType::Update);
    let held = change.app().db.find(change.db(), held).await?;
    claim::set_aside(change, held.unreadable).await?;
    let held = held.rows.into_iter();
    Ok(held
        .filter_map(|held| Some((held.id, held.claim_id?)))
        .collect())
}

async fn end_attempts(change: &Change<'_>, sent: &[(&Claim, &Outcome)]) -> Result<()> {
    use email_attempt::Column;
    email_attempt::Entity::update_many()
        .set(email_attempt::ActiveModel {
            finished_at: Set(Some(change.app().clock.now())),
            succeeded: Set(true),
            outcome: Set(Some(email_attempt::Outcome::Delivered)),
            ..Default::default()
        })
        .col_expr(Column::Transport, each(sent, |outcome| &outcome.transport))
        .col_expr(Column::Response, each(sent, |outcome| &outcome.response))
        .filter(Column::Id.is_in(sent.iter().map(|(claim, _)| claim.attempt)))
        .write(change.db())
        .await?;
    Ok(())
}

/// What was said about each attempt. Often it is the same about all.
fn each(sent: &[(&Claim, &Outcome)], said: fn(&Outcome) -> &String) -> SimpleExpr {
    let all: BTreeSet<&String> = sent.iter().map(|(_, outcome)| said(outcome)).collect();
    if let (Some(one), 1) = (all.first(), all.len()) {
        return Expr::val(one.as_str());
    }
    let each = CaseStatement::new();
    let each = sent.iter().fold(each, |each, (claim, outcome)| {
        let is_this = email_attempt::Column::Id.eq(claim.attempt);
        each.case(is_this, said(outcome).as_str())
    });
    each.into()
}

/// Only the recipient needs a reset's link, and they have it now.
fn link_that_is_kept() -> SimpleExpr {
    use email::Column;
    let none = Expr::value(None::<String>);
    CaseStatement::new()
        .case(
            Column::PasswordResetId.is_null(),
            Expr::col(Column::SecretLink),
        )
        .finally(none)
        .into()
}
