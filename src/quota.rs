//! How many of something each holder may have at the same time: connections, subscriptions, passwords
//! that wait to be hashed. What is bounded in all needs such a bound as well, or one client takes all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts what each holder has. Holders that have nothing take no memory.
#[derive(Debug)]
pub struct Quota<K: Eq + Hash>(Arc<Mutex<HashMap<K, usize>>>);

impl<K: Eq + Hash> Default for Quota<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash + Clone> Quota<K> {
    /// Takes one more for the holder, until what is returned is dropped; `None` if they have as many
    /// as they may.
    pub fn take(&self, holder: K, at_most: usize) -> Option<Share<K>> {
        let mut held = lock(&self.0);
        let count = held.get(&holder).copied().unwrap_or(0);
        if count >= at_most {
            return None;
        }
        held.insert(holder.clone(), count + 1);
        Some(Share {
            held: self.0.clone(),
            holder,
        })
    }
}

/// One of what a holder has.
#[derive(Debug)]
pub struct Share<K: Eq + Hash> {
    held: Arc<Mutex<HashMap<K, usize>>>,
    holder: K,
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        match held.get_mut(&self.holder) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                held.remove(&self.holder);
            }
        }
    }
}

/// A counter cannot be left half-made by a panic.
fn lock<K>(held: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_has_a_bound_of_their_own_and_leaves_nothing_behind() {
        let quota = Quota::default();
        let first = quota.take("one", 2).unwrap();
        let second = quota.take("one", 2).unwrap();
        assert!(quota.take("one", 2).is_none());
        let other = quota.take("other", 2).unwrap();
        drop(first);
        let third = quota.take("one", 2).unwrap();
        assert!(quota.take("one", 2).is_none());
        drop((second, third, other));
        assert!(lock(&quota.0).is_empty());
    }
}
