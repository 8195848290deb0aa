//! Erasing a person: whatever says who they are leaves the database, also what others have done about them.
//!
//! Their account is deleted, with what belongs to it, by whoever calls this; here go the e-mails to them, and
//! what is counted for them. What others need stays, without the person: the event log is whole, and knows them
//! by an ID that nothing else knows.

mod email_traces;
mod event_traces;

use std::collections::BTreeSet;
use std::net::IpAddr;

use entity::{UserId, email_queue, event, invitation, password_reset_request, session, user};
use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set};

use super::actor::Actor;
use super::change::{self, Change};
use super::error::Result;
use super::events::{Action, Subject};
use super::{email_address, text, throttle};
use crate::database::Write;
use crate::domain::EmailAddress;
use crate::domain::app::App;

/// What an erased person is called.
pub const ERASED: &str = "erased user";

/// More than any index has.
const MOST_PARTS: u32 = 100_000;

/// What is known of a person, and is to be known no longer.
#[derive(Debug, Default)]
struct Person {
    ids: BTreeSet<UserId>,
    /// As they were ever written.
    addresses: BTreeSet<String>,
    first_names: BTreeSet<String>,
    last_names: BTreeSet<String>,
    ip_addresses: BTreeSet<String>,
}

impl Person {
    fn is(&self, id: Option<UserId>) -> bool {
        id.is_some_and(|id| self.ids.contains(&id))
    }

    /// Whether the text is one of their addresses, or a list of addresses that has one of them.
    fn has_address(&self, text: &str) -> bool {
        text.lines().any(|line| {
            let account = email_address::account(line);
            self.addresses
                .iter()
                .any(|own| email_address::account(own) == account)
        })
    }

    /// The addresses, such as a column in lower case may hold them.
    fn lower(&self) -> BTreeSet<String> {
        let lower = |address: &String| {
            [
                address.to_lowercase(),
                address.to_ascii_lowercase(),
                text::fold(address),
                email_address::account(address),
            ]
        };
        self.addresses.iter().flat_map(lower).collect()
    }

    /// A condition for a column that is one of their addresses, however it is written.
    fn is_address(&self, column: impl ColumnTrait) -> SimpleExpr {
        Expr::expr(Func::lower(Expr::col(column))).is_in(self.lower())
    }

    /// What they are called in texts, the longest first: names, where there are both, and addresses.
    fn calls(&self) -> Vec<String> {
        let full = self
            .first_names
            .iter()
            .flat_map(|first| (self.last_names.iter()).map(move |last| format!("{first} {last}")));
        let mut calls: Vec<String> = full.chain(self.addresses.iter().cloned()).collect();
        calls.sort_by_key(|call| std::cmp::Reverse(call.len()));
        calls
    }

    /// The same, and the one name of somebody who has no other: for texts of which it is known that they are
    /// about them. Where there are two, each alone may as well be the reader's.
    fn all_calls(&self) -> Vec<String> {
        let mut calls = self.calls();
        if self.first_names.is_empty() || self.last_names.is_empty() {
            calls.extend(self.first_names.iter().chain(&self.last_names).cloned());
        }
        calls
    }

    fn is_called(&mut self, field: &str, name: Option<String>) {
        let Some(name) = name.filter(|name| !name.is_empty() && name != ERASED) else {
            return;
        };
        match field {
            "email" => self.addresses.insert(name),
            "firstName" => self.first_names.insert(name),
            "lastName" => self.last_names.insert(name),
            _ => false,
        };
    }
}

/// What was found of an address without an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was erased.
    Traces,
    /// Nothing.
    Nothing,
    /// Its person has another address now, and is erased by that.
    Renamed(String),
}

/// Erases whatever is left of a user who is about to be deleted in this change, and records it. The rows that
/// refer to the user go with their row.
pub(super) async fn of_user(change: &Change<'_>, row: &user::Model) -> Result<()> {
    let mut person = Person::default();
    person.ids.insert(row.id);
    for address in [&row.email, &row.email_normal] {
        person.is_called("email", Some(address.clone()));
    }
    person.is_called("firstName", Some(row.first_name.clone()));
    person.is_called("lastName", Some(row.last_name.clone()));
    erase(change, &mut person).await?;
    let subject = Subject::new(row.id, ERASED);
    change.record(Action::UserErased, subject).await
}

/// Erases what is left of somebody who has no account any more, by their address.
pub async fn of_address(app: &App, actor: &Actor, address: &EmailAddress) -> Result<Found> {
    change::make(app, actor, |change| async move {
        let mut person = Person::default();
        for address in [address.as_typed(), address.normal()] {
            person.is_called("email", Some(address.to_owned()));
        }
        let ids = event_traces::ids_of(&change, &person).await?;
        if let Some(renamed) = still_there(&change, &ids, &person).await? {
            return change.abandon(Found::Renamed(renamed)).await;
        }
        person.ids = ids;
        if erase(&change, &mut person).await? == 0 {
            return change.abandon(Found::Nothing).await;
        }
        let subject = match person.ids.first() {
            Some(id) => Subject::new(*id, ERASED),
            None => Subject::labelled(ERASED),
        };
        change.record(Action::UserErased, subject).await?;
        change.commit(Found::Traces).await
    })
    .await
}

/// Has the indexes for searching forget the parts of texts that are gone, in small transactions: they may be
/// large, and nobody else is to wait.
pub async fn compact_search(app: &App) -> Result<()> {
    for _ in 0..MOST_PARTS {
        let is_more = change::make(app, &Actor::server(), |change| async move {
            let is_more = app.db.compact_search(change.db()).await?;
            change.commit(is_more).await
        })
        .await?;
        if !is_more {
            break;
        }
    }
    Ok(())
}

/// The address of a user who has one of these IDs, or was invited with the person's address.
async fn still_there(
    change: &Change<'_>,
    ids: &BTreeSet<UserId>,
    person: &Person,
) -> Result<Option<String>> {
    let app = change.app();
    let invited = invitation::Entity::find()
        .select_only()
        .column(invitation::Column::UserId)
        .filter(person.is_address(invitation::Column::Email));
    let mut ids = ids.clone();
    ids.extend(app.db.values::<_, UserId>(change.db(), invited).await?);
    let there = user::Entity::find().filter(user::Column::Id.is_in(ids));
    let there = app.db.all(change.db(), there).await?.pop();
    Ok(there.map(|user| user.email))
}

/// Erases all of it, and returns how many rows were concerned.
async fn erase(change: &Change<'_>, person: &mut Person) -> Result<u64> {
    gather(change, person).await?;
    let person = &*person;
    let mut rows = email_traces::erase(change, person).await?;
    rows += event_traces::erase(change, person).await?;
    rows += forget_requests(change, person).await?;
    rows += forget_counts(change, person).await?;
    mask_transport_error(change, person).await?;
    Ok(rows)
}

/// Looks up how the person was ever called, and where they came from.
async fn gather(change: &Change<'_>, person: &mut Person) -> Result<()> {
    let (app, db) = (change.app(), change.db());
    let ids: Vec<UserId> = person.ids.iter().copied().collect();
    let invited = invitation::Entity::find().filter(invitation::Column::UserId.is_in(ids.clone()));
    for invitation in app.db.all(db, invited).await? {
        person.is_called("email", Some(invitation.email));
    }
    let sessions = session::Entity::find().filter(session::Column::UserId.is_in(ids.clone()));
    for session in app.db.all(db, sessions).await? {
        person.ip_addresses.extend(session.ip_address);
    }
    let about = event::Entity::find().filter(event_traces::is_of(&ids));
    for event in app.db.all(db, about).await? {
        event_traces::gather(person, event);
    }
    // An address that somebody else has now is theirs.
    let normal: BTreeSet<String> = (person.addresses.iter())
        .map(|address| email_address::account(address))
        .collect();
    let others = user::Entity::find()
        .filter(user::Column::EmailNormal.is_in(normal))
        .filter(user::Column::Id.is_not_in(ids));
    for other in app.db.all(db, others).await? {
        let is_theirs = |address: &String| email_address::account(address) == other.email_normal;
        person.addresses.retain(|address| !is_theirs(address));
    }
    Ok(())
}

async fn forget_requests(change: &Change<'_>, person: &Person) -> Result<u64> {
    let asked = person.is_address(password_reset_request::Column::EmailNormal);
    let forgotten = password_reset_request::Entity::delete_many().filter(asked);
    Ok(forgotten.write(change.db()).await?)
}

async fn forget_counts(change: &Change<'_>, person: &Person) -> Result<u64> {
    let accounts: BTreeSet<String> = (person.addresses.iter())
        .map(|address| email_address::account(address))
        .collect();
    let ip_addresses: Vec<IpAddr> = (person.ip_addresses.iter())
        .filter_map(|address| address.parse().ok())
        .collect();
    throttle::forget(change.db(), &accounts, &person.ids, &ip_addresses).await
}

/// What the mail server said of the transport may name whom the e-mail was for.
async fn mask_transport_error(change: &Change<'_>, person: &Person) -> Result<()> {
    let queue = email_queue::Entity::find_by_id(email_queue::ONLY);
    let queue = change.app().db.one(change.db(), queue).await?;
    let Some(said) = queue.and_then(|queue| queue.transport_error) else {
        return Ok(());
    };
    let masked = without(&said, &person.calls());
    if masked != said {
        email_queue::Entity::update_many()
            .set(email_queue::ActiveModel {
                transport_error: Set(Some(masked)),
                ..Default::default()
            })
            .filter(email_queue::Column::Id.eq(email_queue::ONLY))
            .write(change.db())
            .await?;
    }
    Ok(())
}

/// The text with something else in the place of each of these words: not where they are a part of another.
fn without(text: &str, calls: &[String]) -> String {
    let mut text = text.to_owned();
    for call in calls {
        let mut rest = text.as_str();
        let mut masked = String::with_capacity(rest.len());
        while let Some(at) = rest.find(call.as_str()) {
            let (before, from) = rest.split_at(at);
            let (found, after) = from.split_at(call.len());
            let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let is_word = !is_letter(before.chars().next_back().or(masked.chars().next_back()))
                && !is_letter(after.chars().next());
            masked.push_str(before);
            masked.push_str(if is_word { ERASED } else { found });
            rest = after;
        }
        masked.push_str(rest);
        text = masked;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_masked_and_not_their_likes() {
        let calls = ["Ann Lee".to_owned(), "ann@kbank.com".to_owned()];
        for (text, masked) in [
            ("Ann Lee invites you", "erased user invites you"),
            (
                "<ann@kbank.com>: no, Ann Lee!",
                "<erased user>: no, erased user!",
            ),
            ("Joann Leek", "Joann Leek"),
            ("Ann Leek, joann@kbank.com", "Ann Leek, joann@kbank.com"),
            ("", ""),
        ] {
            assert_eq!(without(text, &calls), masked);
        }
    }
}
