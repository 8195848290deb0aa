//! Which refusals stand in the event log already.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use entity::{Timestamp, UserId};

use super::applications::Permission;

/// For how long the same refusal is no news.
const RECORDED_EVERY: Duration = Duration::from_secs(60);

/// What a user was refused for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// They lack this permission.
    Permission(Permission),
    /// They do not know their current password.
    CurrentPassword,
}

/// The refusals that this server has recorded a moment ago. Whoever asks again and again for what they
/// may not do would otherwise fill the event log with it.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<(UserId, Refusal), Timestamp>>);

impl Refusals {
    /// Whether this refusal of a user is to be recorded: once a minute.
    pub fn is_news(&self, user: UserId, refusal: Refusal, now: Timestamp) -> bool {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &Timestamp| now.since(*at) < RECORDED_EVERY;
        let key = (user, refusal);
        if recorded.get(&key).is_some_and(is_recent) {
            return false;
        }
        recorded.retain(|_, at| is_recent(at));
        recorded.insert(key, now);
        true
    }
}
