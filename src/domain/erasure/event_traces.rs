//! The person in the event log. Events stay: what happened, when, and by which ID.

use std::collections::BTreeSet;

use entity::id::Id;
use entity::{UserId, event};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::{ERASED, Person};
use crate::database::Write;
use crate::domain::change::Change;
use crate::domain::error::{Error, Result};
use crate::domain::events::FieldChange;

/// The fields of a user that say who they are.
const PERSONAL: [&str; 3] = ["email", "firstName", "lastName"];

/// What users with these IDs did, and what was done to them.
pub(super) fn is_of(ids: &[UserId]) -> Condition {
    let subjects = ids.iter().map(|id| Uuid::from(*id));
    Condition::any()
        .add(event::Column::ActorId.is_in(ids.iter().copied()))
        .add(event::Column::SubjectId.is_in(subjects))
}

/// The IDs of users who had one of the person's addresses when something happened.
pub(super) async fn ids_of(change: &Change<'_>, person: &Person) -> Result<BTreeSet<UserId>> {
    let app = change.app();
    let labelled = event::Entity::find().filter(is_labelled(person));
    let mut ids = BTreeSet::new();
    for event in app.db.all(change.db(), labelled).await? {
        let is_user = event.subject_type == UserId::PREFIX;
        if let Some(subject) = event.subject_id.filter(|_| is_user)
            && person.has_address(&event.subject_label)
        {
            ids.insert(UserId::from(subject));
        }
        if person.has_address(&event.actor_label) {
            ids.extend(event.actor_id);
        }
    }
    Ok(ids)
}

fn is_labelled(person: &Person) -> Condition {
    Condition::any()
        .add(person.is_address(event::Column::SubjectLabel))
        .add(person.is_address(event::Column::ActorLabel))
}

/// Notes how the person was called in an event, and where they came from.
pub(super) fn gather(person: &mut Person, event: event::Model) {
    if is_subject(person, &event) {
        person.is_called("email", Some(event.subject_label.clone()));
        for field in fields(&event) {
            person.is_called(&field.field, field.before);
            person.is_called(&field.field, field.after);
        }
    }
    if person.is(event.actor_id) {
        person.is_called("email", Some(event.actor_label.clone()));
    }
    if came_from_them(person, &event) {
        person.ip_addresses.extend(event.ip_address);
    }
}

/// Takes the person out of all events, and returns in how many they were.
pub(super) async fn erase(change: &Change<'_>, person: &Person) -> Result<u64> {
    let app = change.app();
    let ids: Vec<UserId> = person.ids.iter().copied().collect();
    let mut concerned = is_of(&ids).add(is_labelled(person));
    for address in &person.addresses {
        concerned = concerned
            .add(app.db.contains(event::Column::Changes, address))
            // A list of recipients.
            .add(app.db.contains(event::Column::SubjectLabel, address));
    }
    let concerned = event::Entity::find().filter(concerned);
    let mut count = 0;
    for event in app.db.all(change.db(), concerned).await? {
        let after = erased(person, &event)?;
        if after != event {
            count += 1;
            event::Entity::update_many()
                .set(event::ActiveModel {
                    actor_label: Set(after.actor_label),
                    ip_address: Set(after.ip_address),
                    user_agent: Set(after.user_agent),
                    subject_label: Set(after.subject_label),
                    changes: Set(after.changes),
                    ..Default::default()
                })
                .filter(event::Column::Id.eq(event.id))
                .write(change.db())
                .await?;
        }
    }
    Ok(count)
}

fn erased(person: &Person, event: &event::Model) -> Result<event::Model> {
    let mut after = event.clone();
    let is_actor = person.is(event.actor_id) || person.has_address(&event.actor_label);
    if is_actor {
        ERASED.clone_into(&mut after.actor_label);
    }
    if is_actor || came_from_them(person, event) {
        after.ip_address = None;
        after.user_agent = None;
    }
    let is_subject = is_subject(person, event);
    if is_subject || person.has_address(&event.subject_label) {
        ERASED.clone_into(&mut after.subject_label);
    }
    let mut changes = fields(event);
    let is_theirs = |field: &str, value: &str| {
        (is_subject && PERSONAL.contains(&field)) || person.has_address(value)
    };
    for FieldChange {
        field,
        before,
        after,
        list,
    } in &mut changes
    {
        let entries = list
            .iter_mut()
            .flat_map(|list| list.added.iter_mut().chain(&mut list.removed));
        for value in before.iter_mut().chain(after).chain(entries) {
            if is_theirs(field, value) {
                ERASED.clone_into(value);
            }
        }
    }
    // What cannot be read is left as it is, unless it may name them.
    let is_readable = serde_json::from_str::<Vec<FieldChange>>(&event.changes).is_ok();
    let names_them = (person.addresses.iter()).any(|address| event.changes.contains(address));
    if is_readable || is_subject || names_them {
        after.changes = serde_json::to_string(&changes).map_err(Error::internal)?;
    }
    Ok(after)
}

fn is_subject(person: &Person, event: &event::Model) -> bool {
    let subject = event.subject_id.map(UserId::from);
    event.subject_type == UserId::PREFIX && person.is(subject)
}

/// Whether the request was the person's. Whoever was not signed in and tried their address may have been somebody
/// else; but mostly it was not.
fn came_from_them(person: &Person, event: &event::Model) -> bool {
    let is_about = is_subject(person, event) || person.has_address(&event.subject_label);
    person.is(event.actor_id) || (event.actor_id.is_none() && is_about)
}

fn fields(event: &event::Model) -> Vec<FieldChange> {
    serde_json::from_str(&event.changes).unwrap_or_default()
}
