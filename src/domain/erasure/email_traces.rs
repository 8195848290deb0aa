//! The person in the e-mail queue. E-mails to them go, with their attempts; in those to others, they are called
//! something else.

use std::collections::BTreeSet;

use entity::id::Id;
use entity::{
    EmailId, InvitationId, PasswordResetId, UserId, email, event, invitation, password_reset,
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, Set};

use super::{Person, without};
use crate::database::Write;
use crate::domain::change::Change;
use crate::domain::error::Result;
use crate::domain::events::Action;
use crate::domain::text;
use crate::email_templates::in_html;

/// How many e-mails one statement deletes: databases limit the number of parameters.
const BATCH: usize = 500;

/// What records who invited somebody.
const INVITED: [Action; 2] = [Action::UserInvited, Action::InvitationResent];

/// Takes the person out of the queue, and returns in how many e-mails they were.
pub(super) async fn erase(change: &Change<'_>, person: &Person) -> Result<u64> {
    let removed = remove_those_to(change, person).await?;
    let masked = mask_those_to_others(change, person).await?;
    Ok(removed + masked)
}

async fn remove_those_to(change: &Change<'_>, person: &Person) -> Result<u64> {
    let (app, db) = (change.app(), change.db());
    let ids = || person.ids.iter().copied();
    let invitations = invitation::Entity::find()
        .select_only()
        .column(invitation::Column::Id)
        .filter(invitation::Column::UserId.is_in(ids()));
    let invitations: Vec<InvitationId> = app.db.values(db, invitations).await?;
    let resets = password_reset::Entity::find()
        .select_only()
        .column(password_reset::Column::Id)
        .filter(password_reset::Column::UserId.is_in(ids()));
    let resets: Vec<PasswordResetId> = app.db.values(db, resets).await?;
    let to_them = email::Entity::find()
        .select_only()
        .column(email::Column::Id)
        .filter(
            Condition::any()
                .add(email::Column::RecipientsKey.is_in(person.lower()))
                .add(email::Column::InvitationId.is_in(invitations))
                .add(email::Column::PasswordResetId.is_in(resets)),
        );
    let to_them: Vec<EmailId> = app.db.values(db, to_them).await?;
    for some in to_them.chunks(BATCH) {
        email::Entity::delete_many()
            .filter(email::Column::Id.is_in(some.iter().copied()))
            .write_many(db)
            .await?;
    }
    let count = to_them.len() as u64;
    change.has_changed(to_them);
    Ok(count)
}

/// The e-mails that the person has caused to others, such as invitations, name them; so do notices of what
/// they have done.
async fn mask_those_to_others(change: &Change<'_>, person: &Person) -> Result<u64> {
    let (app, db) = (change.app(), change.db());
    let caused = caused(change, person).await?;
    let mut may_name = Condition::any().add(email::Column::Id.is_in(caused.iter().copied()));
    for call in person.calls() {
        may_name = may_name
            .add(app.db.contains(email::Column::TextBody, &call))
            .add(app.db.contains(email::Column::HtmlBody, &in_html(&call)))
            .add(app.db.contains(email::Column::Subject, &call));
    }
    let mut count = 0;
    for email in app
        .db
        .all(db, email::Entity::find().filter(may_name))
        .await?
    {
        let calls = if caused.contains(&email.id) {
            person.all_calls()
        } else {
            person.calls()
        };
        let escaped: Vec<String> = calls.iter().map(|call| in_html(call)).collect();
        let subject = without(&email.subject, &calls);
        let changed = email::ActiveModel {
            subject_key: Set(text::fold(&subject)),
            text_body: Set(without(&email.text_body, &calls)),
            html_body: Set(without(&without(&email.html_body, &escaped), &calls)),
            last_error: Set(email
                .last_error
                .as_deref()
                .map(|said| without(said, &calls))),
            subject: Set(subject),
            ..Default::default()
        };
        email::Entity::update_many()
            .set(changed)
            .filter(email::Column::Id.eq(email.id))
            .write(db)
            .await?;
        count += 1;
    }
    Ok(count)
}

/// The e-mails to others that the person has caused, as far as that is known.
async fn caused(change: &Change<'_>, person: &Person) -> Result<BTreeSet<EmailId>> {
    let (app, db) = (change.app(), change.db());
    let ids = || person.ids.iter().copied();
    let invitations = invitation::Entity::find()
        .select_only()
        .column(invitation::Column::Id)
        .filter(invitation::Column::InvitedBy.is_in(ids()));
    let invitations: Vec<InvitationId> = app.db.values(db, invitations).await?;
    // Whose invitation does not tell any more who wrote it.
    let invited = event::Entity::find()
        .filter(event::Column::ActorId.is_in(ids()))
        .filter(event::Column::Action.is_in(INVITED.map(Action::code)));
    let invited = app.db.all(db, invited).await?.into_iter();
    let invited = invited.filter_map(|event| event.subject_id.map(UserId::from));
    let to_them = invitation::Entity::find()
        .select_only()
        .column(invitation::Column::Id)
        .filter(invitation::Column::InvitedBy.is_null())
        .filter(invitation::Column::UserId.is_in(invited));
    let to_them: Vec<InvitationId> = app.db.values(db, to_them).await?;
    let of_these = email::Entity::find()
        .select_only()
        .column(email::Column::Id)
        .filter(email::Column::InvitationId.is_in(invitations.into_iter().chain(to_them)));
    let mut caused: BTreeSet<EmailId> = (app.db.values(db, of_these).await?).into_iter().collect();
    let tests = event::Entity::find()
        .filter(event::Column::ActorId.is_in(ids()))
        .filter(event::Column::Action.eq(Action::TestEmailSent.code()))
        .filter(event::Column::SubjectType.eq(EmailId::PREFIX));
    let tests = app.db.all(db, tests).await?.into_iter();
    caused.extend(tests.filter_map(|event| event.subject_id.map(EmailId::from)));
    Ok(caused)
}
