//! What the objects of one level of an answer lead to is loaded for all of them at once: a list of users
//! and the invitation of each take two queries, whatever its length.
//!
//! Objects that were loaded together share a level, and the level shares what they lead to. Whichever of
//! them is asked first loads it for all. What is loaded in this way is a level of its own, so that it holds
//! at any depth. No request waits to see whether others ask as well, as it would with a data loader.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::Result;
use tokio::sync::OnceCell;

/// An object, and the level of those that it was loaded with. `L` has a [`Shared`] for each field that
/// leads on.
pub struct Member<R, L> {
    row: Arc<R>,
    level: Arc<Level<R, L>>,
}

struct Level<R, L> {
    rows: Vec<Arc<R>>,
    leads: L,
}

impl<R, L> Clone for Member<R, L> {
    fn clone(&self) -> Self {
        Self {
            row: self.row.clone(),
            level: self.level.clone(),
        }
    }
}

impl<R, L: Default> From<Arc<R>> for Member<R, L> {
    /// An object that was loaded alone.
    fn from(row: Arc<R>) -> Self {
        let level = Level {
            rows: vec![row.clone()],
            leads: L::default(),
        };
        Self {
            row,
            level: Arc::new(level),
        }
    }
}

impl<R, L: Default> From<R> for Member<R, L> {
    /// An object that was loaded alone.
    fn from(row: R) -> Self {
        Arc::new(row).into()
    }
}

impl<R, L: Default> Member<R, L> {
    /// Objects that were loaded together, in their order.
    pub fn together(
        rows: impl IntoIterator<Item = impl Into<Arc<R>>>,
    ) -> impl Iterator<Item = Self> {
        let rows: Vec<Arc<R>> = rows.into_iter().map(Into::into).collect();
        let level = Arc::new(Level {
            rows: rows.clone(),
            leads: L::default(),
        });
        rows.into_iter().map(move |row| Self {
            row,
            level: level.clone(),
        })
    }
}

impl<R, L> Member<R, L> {
    /// The object itself.
    pub fn row(&self) -> &R {
        &self.row
    }

    /// The object itself, shared.
    pub fn shared(&self) -> Arc<R> {
        self.row.clone()
    }

    /// All objects of the level.
    pub fn all(&self) -> impl Iterator<Item = &R> + Clone {
        self.level.rows.iter().map(Arc::as_ref)
    }

    /// What the level leads to.
    pub fn leads(&self) -> &L {
        &self.level.leads
    }
}

/// What each object of a level leads to by one of its fields, once the first of them was asked.
pub struct Shared<K, V>(OnceCell<Result<HashMap<K, V>>>);

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self(OnceCell::new())
    }
}

impl<K: Eq + Hash, V: Clone> Shared<K, V> {
    /// What the object with this key leads to, if anything. `load` finds it for the whole level: it runs
    /// once, and what it fails with is told to all.
    ///
    /// # Errors
    ///
    /// Those of `load`.
    pub async fn of(
        &self,
        key: &K,
        load: impl Future<Output = Result<HashMap<K, V>>>,
    ) -> Result<Option<V>> {
        // Boxed: the future of each field is as large as that of the largest, and is moved about for each
        // object of a list.
        match self.0.get_or_init(|| Box::pin(load)).await {
            Ok(found) => Ok(found.get(key).cloned()),
            Err(error) => Err(error.clone()),
        }
    }
}

/// All values of each key, in their order.
pub fn grouped<K: Eq + Hash, V>(pairs: impl IntoIterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    groups
}
