//! The filters of a list, and where its rows are looked for.
//!
//! A filter that few rows match is answered from an index, and what it finds is sorted. One that many
//! match is tried row by row in the order of the list, until the page is full. Each is quick at any
//! size where the other is slow. PostgreSQL and MariaDB choose by statistics that they keep. SQLite
//! keeps none by itself: there, the rows are counted first, as far as it takes to know.

use entity::Timestamp;
use sea_orm::sea_query::{
    Asterisk, Expr, ExprTrait, IntoCondition, Query, SelectStatement, UnionType,
};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr, EntityTrait, IdenStatic, QueryFilter, Select, Value,
};

use crate::database::{Database, Source, key_of};
use crate::domain::text;

/// The most rows that are few: to read and sort them takes about a millisecond.
const FEW: u64 = 1000;

/// Filters that are combined with AND.
#[derive(Debug)]
pub struct Filters<E: EntityTrait>(Vec<Filter<E>>);

#[derive(Debug)]
struct Filter<E: EntityTrait> {
    /// Tells of one row whether it matches, without an index over the table.
    by_row: Condition,
    by_index: ByIndex<E>,
}

/// How an index tells which rows match.
#[derive(Debug)]
enum ByIndex<E: EntityTrait> {
    /// There is none.
    No,
    /// By a condition on the table's own columns, which may be a range of one.
    Own(Condition, Option<E::Column>),
    /// By a value of one of the table's own columns, in the order of another.
    InOrder(Condition, E::Column),
    /// By the keys that another table holds.
    Keys(Box<Keys>),
}

/// The keys of the rows that match, from another table.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Selects them.
    pub select: SelectStatement,
    /// Whether it selects each of them once, and no others.
    pub are_exact: bool,
}

impl<E: EntityTrait> Default for Filters<E> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<E: EntityTrait> Filters<E> {
    /// None matches.
    pub fn none(&mut self) {
        self.add(Expr::val(1).eq(0));
    }

    /// A condition for which there is an index in the order of the list, or none at all.
    pub fn add(&mut self, condition: impl IntoCondition) {
        self.push(condition, ByIndex::No);
    }

    /// A condition on columns that are not indexed, which is the same as one on columns that are.
    pub fn same_as(&mut self, by_row: impl IntoCondition, by_index: impl IntoCondition) {
        self.push(by_row, ByIndex::Own(by_index.into_condition(), None));
    }

    /// A condition on what refers to a row, and the keys that it refers to.
    pub fn with_keys(&mut self, by_row: impl IntoCondition, keys: Keys) {
        self.push(by_row, ByIndex::Keys(Box::new(keys)));
    }

    /// One of these values.
    pub fn any_of<V: Into<Value>>(
        &mut self,
        db: &Database,
        column: E::Column,
        values: impl IntoIterator<Item = V>,
    ) {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        let by_row = db.without_index(column).is_in(values.clone());
        self.same_as(by_row, column.is_in(values));
    }

    /// The same, where an index has the rows of each value in the order of the column `by`.
    pub fn any_of_in_order<V: Into<Value>>(
        &mut self,
        db: &Database,
        column: E::Column,
        by: E::Column,
        values: impl IntoIterator<Item = V>,
    ) {
        let values: Vec<Value> = values.into_iter().map(Into::into).collect();
        let by_row = db.without_index(column).is_in(values.clone());
        let is_single = values.len() == 1;
        let by_index = column.is_in(values).into_condition();
        let by_index = if is_single {
            ByIndex::InOrder(by_index, by)
        } else {
            ByIndex::Own(by_index, None)
        };
        self.push(by_row, by_index);
    }

    /// A text that contains the term, ignoring case.
    pub fn contains(&mut self, db: &Database, column: E::Column, term: &str) {
        let term = text::fold(texts::invisible::trim(term));
        let keys = |select| Keys {
            select,
            are_exact: false,
        };
        let by_index = db.keys_containing::<E>(column, &term);
        let by_index = by_index.map_or(ByIndex::No, |select| ByIndex::Keys(Box::new(keys(select))));
        self.push(db.contains(column, &term), by_index);
    }

    /// At least one of two texts that contains the term, ignoring case.
    pub fn any_contains(&mut self, db: &Database, columns: [E::Column; 2], term: &str) {
        let term = text::fold(texts::invisible::trim(term));
        let by_row = columns.map(|column| db.contains(column, &term));
        let by_row = by_row.into_iter().fold(Condition::any(), Condition::add);
        let [one, other] = columns.map(|column| db.keys_containing::<E>(column, &term));
        let by_index = match (one, other) {
            (Some(mut one), Some(other)) => ByIndex::Keys(Box::new(Keys {
                select: one.union(UnionType::All, other).to_owned(),
                are_exact: false,
            })),
            _ => ByIndex::No,
        };
        self.push(by_row, by_index);
    }

    /// A time after one and before another.
    pub fn between(
        &mut self,
        db: &Database,
        column: E::Column,
        after: Option<Timestamp>,
        before: Option<Timestamp>,
    ) {
        if after.is_none() && before.is_none() {
            return;
        }
        let range = |time: Expr| {
            Condition::all()
                .add_option(after.map(|after| time.clone().gt(after)))
                .add_option(before.map(|before| time.lt(before)))
        };
        let by_index = ByIndex::Own(range(column.into_expr()), Some(column));
        self.push(range(db.without_index(column)), by_index);
    }

    fn push(&mut self, by_row: impl IntoCondition, by_index: ByIndex<E>) {
        self.0.push(Filter {
            by_row: by_row.into_condition(),
            by_index,
        });
    }

    /// The rows that match, however the database finds them.
    pub fn select(self) -> Select<E> {
        let conditions = self.0.into_iter().map(|filter| match filter.by_index {
            ByIndex::Own(condition, _) | ByIndex::InOrder(condition, _) => condition,
            ByIndex::No | ByIndex::Keys(_) => filter.by_row,
        });
        conditions.fold(E::find(), QueryFilter::filter)
    }

    /// The rows that match, for a page of a list that is sorted by a column.
    pub async fn select_sorted(self, db: &Database, by: E::Column) -> Result<Select<E>, DbErr> {
        if db.read().backend() != DbBackend::Sqlite {
            return Ok(self.select());
        }
        let mut select = E::find();
        let mut few = None;
        let is_one = self.0.len() == 1;
        for filter in self.0 {
            let keys = match filter.by_index {
                // The list itself begins and ends there.
                ByIndex::Own(range, Some(column)) if column.as_str() == by.as_str() => {
                    select = select.filter(range);
                    continue;
                }
                ByIndex::InOrder(value, column) if is_one && column.as_str() == by.as_str() => {
                    return Ok(select.filter(value));
                }
                ByIndex::Own(condition, _) | ByIndex::InOrder(condition, _) => {
                    Some(keys_of::<E>(db, condition))
                }
                ByIndex::Keys(keys) => Some(keys.select),
                ByIndex::No => None,
            };
            select = select.filter(db.likely(filter.by_row));
            few = if_few(db, few, keys).await?;
        }
        Ok(among(select, few))
    }

    /// How many rows match.
    pub async fn count(self, db: &Database) -> Result<u64, DbErr> {
        let mut select = E::find();
        let mut few = None;
        let is_one = self.0.len() == 1;
        for filter in self.0 {
            select = match filter.by_index {
                ByIndex::Keys(keys) if is_one && keys.are_exact => {
                    return count_of(db, keys.select).await;
                }
                ByIndex::Keys(keys) => {
                    few = if_few(db, few, Some(keys.select)).await?;
                    select.filter(filter.by_row)
                }
                ByIndex::Own(condition, _) | ByIndex::InOrder(condition, _) => {
                    select.filter(condition)
                }
                ByIndex::No => select.filter(filter.by_row),
            };
        }
        db.count(db.read(), among(select, few)).await
    }
}

/// Those of the rows that have one of these keys.
fn among<E: EntityTrait>(select: Select<E>, keys: Option<SelectStatement>) -> Select<E> {
    match keys {
        Some(keys) => {
            let key = Expr::col((E::default(), key_of::<E>()));
            select.filter(key.in_subquery(keys))
        }
        None => select,
    }
}

/// The keys that are known to be few; if there are none yet, these, if they are few.
async fn if_few(
    db: &Database,
    known: Option<SelectStatement>,
    keys: Option<SelectStatement>,
) -> Result<Option<SelectStatement>, DbErr> {
    match (known, keys) {
        (None, Some(keys)) => {
            let some = keys.clone().limit(FEW + 1).to_owned();
            Ok((count_of(db, some).await? <= FEW).then_some(keys))
        }
        (known, _) => Ok(known),
    }
}

/// The keys of the rows that match a condition on their own columns.
fn keys_of<E: EntityTrait>(db: &Database, condition: Condition) -> SelectStatement {
    Query::select()
        .column(key_of::<E>())
        .from(E::default())
        .and_where(db.unlikely(condition))
        .to_owned()
}

async fn count_of(db: &Database, keys: SelectStatement) -> Result<u64, DbErr> {
    let count = Query::select()
        .expr(Expr::col(Asterisk).count())
        .from_subquery(keys, "found")
        .to_owned();
    let rows = db.read().rows(db.read().backend().build(&count)).await?;
    let count: i64 = rows.first().map_or(Ok(0), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}
