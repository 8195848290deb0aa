//! Keyset pages: a page is found by the sort key of the row before it, so it costs the same however
//! deep it is, and rows that come or go meanwhile neither repeat nor skip others.
//!
//! sea-orm's own cursor asks `a > ? OR (a = ? AND id > ?)`, for which SQLite sorts everything that
//! follows; this one asks `a >= ? AND (a > ? OR id > ?)`, which every database answers from its
//! index.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Value,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::database::{Database, Table};

/// The maximum number of rows on a page.
pub const MAX_SIZE: u32 = 100;

/// The number of rows on a page if the request does not say.
pub const DEFAULT_SIZE: u32 = 25;

/// Which page of a list is requested.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Only rows after this place.
    pub after: Option<Cursor>,
    /// Only rows before this place.
    pub before: Option<Cursor>,
    /// Whether the page is taken from the end of the remaining rows.
    pub from_end: bool,
    /// The number of rows, from 1 to [`MAX_SIZE`].
    pub size: u32,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            after: None,
            before: None,
            from_end: false,
            size: DEFAULT_SIZE,
        }
    }
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Its rows in the list's order, each with its place.
    pub rows: Vec<(Cursor, T)>,
    /// Whether there are rows after this page.
    pub has_next: bool,
    /// Whether there are rows before this page.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// The same page of something made from all rows together, in their order.
    pub async fn try_map_all<U>(
        self,
        make: impl AsyncFnOnce(Vec<T>) -> super::error::Result<Vec<U>>,
    ) -> super::error::Result<Page<U>> {
        let (places, rows): (Vec<_>, Vec<_>) = self.rows.into_iter().unzip();
        Ok(Page {
            rows: places.into_iter().zip(make(rows).await?).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        })
    }

    /// The same page of whatever is made from each row.
    pub fn map<U>(self, make: impl Fn(T) -> U) -> Page<U> {
        Page {
            rows: self
                .rows
                .into_iter()
                .map(|(place, row)| (place, make(row)))
                .collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}

/// A place in an ordered list: the sort key and the primary key of a row, and which order they
/// belong to. The row may be gone; the place remains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    order: String,
    key: SortKey,
    id: Uuid,
}

/// What rows are sorted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortKey {
    /// A time, or [`TimeOrNever`](entity::TimeOrNever), as stored.
    Number(i64),
    /// A case-folded text.
    Text(String),
}

impl Cursor {
    /// The opaque form that clients keep.
    pub fn encode(&self) -> String {
        // Strings, numbers and a UUID: JSON can represent all of them.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }

    /// Whether it is a place in that order: clients can make up cursors.
    pub fn is_of(&self, order: Order) -> bool {
        self.order == order.name
            && match &self.key {
                SortKey::Number(_) => order.key == SortKeyKind::Number,
                // No stored text contains it, and PostgreSQL rejects it.
                SortKey::Text(text) => order.key == SortKeyKind::Text && !text.contains('\0'),
            }
    }
}

impl From<&SortKey> for Value {
    fn from(key: &SortKey) -> Self {
        match key {
            SortKey::Number(number) => (*number).into(),
            SortKey::Text(text) => text.clone().into(),
        }
    }
}

/// What the places of an order have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// What its cursors are marked with.
    pub name: &'static str,
    /// What it sorts by.
    pub key: SortKeyKind,
}

/// The kind of a [`SortKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKeyKind {
    /// A point in time in microseconds since 1970, which sorts as a number.
    Number,
    /// A case-folded text.
    Text,
}

/// An order in which a table can be paged: a column, made unique by the primary key, under an index
/// over both.
pub struct Keyset<E: EntityTrait> {
    /// What its cursors are recognised by.
    pub order: Order,
    /// The column that is sorted by.
    pub column: E::Column,
    /// The name of the column that is sorted by in the place of that one, where it is one that the
    /// database generates and no row is read with.
    pub generated: Option<&'static str>,
    /// The primary key's column.
    pub id: E::Column,
    /// Whether the order is descending.
    pub descending: bool,
    /// Reads the sort key and the primary key from a row.
    pub keys: fn(&E::Model) -> (SortKey, Uuid),
}

impl<E: Table> Keyset<E> {
    /// Reads one page of `select`.
    pub async fn page(
        &self,
        db: &Database,
        select: Select<E>,
        request: &PageRequest,
    ) -> Result<Page<E::Model>, DbErr> {
        // A page from the end is the first page of the reversed list.
        let order = if self.descending == request.from_end {
            sea_orm::Order::Asc
        } else {
            sea_orm::Order::Desc
        };
        let mut select = select
            .order_by(self.sorted_by(), order.clone())
            .order_by(self.id, order)
            .limit(u64::from(request.size) + 1);
        if let Some(cursor) = &request.after {
            select = select.filter(self.filter_after(cursor, self.descending));
        }
        if let Some(cursor) = &request.before {
            select = select.filter(self.filter_after(cursor, !self.descending));
        }
        let found = db.find(db.read(), select).await?;
        let were = found.rows.len() + found.unreadable.len();
        // A page on which nothing can be read leads nowhere.
        let has_more = were > request.size as usize && !found.rows.is_empty();
        Ok(self.cut(found.rows, |row| row, has_more, request))
    }

    /// The same page of rows that are all in memory, in whatever order.
    pub fn page_of<T>(
        &self,
        mut rows: Vec<T>,
        row_of: impl Fn(&T) -> &E::Model,
        request: &PageRequest,
    ) -> Page<T> {
        let keys = |row: &T| (self.keys)(row_of(row));
        let is_beyond = |row: &T, place: &Cursor, downwards: bool| {
            let (this, place) = (keys(row), (place.key.clone(), place.id));
            if downwards {
                this < place
            } else {
                this > place
            }
        };
        rows.retain(|row| {
            let (after, before) = (request.after.as_ref(), request.before.as_ref());
            after.is_none_or(|place| is_beyond(row, place, self.descending))
                && before.is_none_or(|place| is_beyond(row, place, !self.descending))
        });
        rows.sort_by_cached_key(keys);
        // A page from the end is the first page of the reversed list.
        if self.descending != request.from_end {
            rows.reverse();
        }
        let has_more = rows.len() > request.size as usize;
        self.cut(rows, row_of, has_more, request)
    }

    /// The page of rows that begin with it; a further one only shows that there are more.
    fn cut<T>(
        &self,
        mut rows: Vec<T>,
        row_of: impl Fn(&T) -> &E::Model,
        has_more: bool,
        request: &PageRequest,
    ) -> Page<T> {
        rows.truncate(request.size as usize);
        if request.from_end {
            rows.reverse();
        }
        let (has_next, has_previous) = if request.from_end {
            (request.before.is_some(), has_more)
        } else {
            (has_more, request.after.is_some())
        };
        Page {
            rows: rows
                .into_iter()
                .map(|row| (self.cursor_of(row_of(&row)), row))
                .collect(),
            has_next,
            has_previous,
        }
    }

    fn sorted_by(&self) -> Expr {
        match self.generated {
            Some(name) => Expr::col((E::default(), name)),
            None => self.column.into_expr(),
        }
    }

    fn cursor_of(&self, row: &E::Model) -> Cursor {
        let (key, id) = (self.keys)(row);
        Cursor {
            order: self.order.name.to_owned(),
            key,
            id,
        }
    }

    /// The rows beyond the cursor, in either direction.
    fn filter_after(&self, Cursor { key, id, .. }: &Cursor, downwards: bool) -> Condition {
        let (column, id_column) = (|| self.sorted_by(), self.id);
        if downwards {
            let below = Condition::any().add(column().lt(key));
            Condition::all()
                .add(column().lte(key))
                .add(below.add(id_column.lt(*id)))
        } else {
            let above = Condition::any().add(column().gt(key));
            Condition::all()
                .add(column().gte(key))
                .add(above.add(id_column.gt(*id)))
        }
    }
}
