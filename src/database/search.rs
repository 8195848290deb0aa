//! Searching for a part of a text.

use std::collections::BTreeSet;

use sea_orm::sea_query::{
    Alias, Expr, ExprTrait, Func, IntoCondition, JoinType, Query, SelectStatement, SimpleExpr,
};
use sea_orm::{ColumnTrait, Condition, DbBackend, DbErr, EntityTrait, IdenStatic, Statement};

use super::{Database, Source, Transaction};

/// How many parts of a term are looked up at most: each further one narrows down what is found a little.
const MAX_PARTS: usize = 16;

/// How much of an index is written anew at once: others wait for it no longer than a moment.
const PAGES_AT_ONCE: u32 = 500;

impl Database {
    /// Whether a column's text contains the term, every character of which stands for itself. Both are
    /// in lower case.
    pub fn contains(&self, column: impl ColumnTrait, term: &str) -> SimpleExpr {
        // No stored text holds it, and PostgreSQL takes it for an attack.
        if term.contains('\0') {
            return Expr::val(1).eq(0);
        }
        let text = Expr::col(column.as_column_ref());
        match self.read().backend() {
            // Which its index answers.
            DbBackend::Postgres => text.like(format!("%{}%", escaped(term))),
            // `LIKE` takes several times as long on SQLite.
            _ => Expr::from(Func::cust("INSTR").arg(text).arg(term)).gt(0),
        }
    }

    /// The same for a text that is stored as it was written: the letters A to Z are the same in upper and
    /// lower case, and so are others where the database knows which belong together.
    pub fn contains_as_written(&self, column: impl ColumnTrait, term: &str) -> Condition {
        if term.contains('\0') {
            return Condition::all().add(Expr::val(1).eq(0));
        }
        let text = Expr::from(Func::lower(Expr::col(column.as_column_ref())));
        let contains = |term: String| match self.read().backend() {
            DbBackend::Postgres => text.clone().like(format!("%{}%", escaped(&term))),
            _ => Expr::from(Func::cust("INSTR").arg(text.clone()).arg(term)).gt(0),
        };
        // SQLite makes the letters A to Z small, other databases all.
        let (some, all) = (term.to_ascii_lowercase(), term.to_lowercase());
        let others = (all != some).then(|| contains(all));
        Condition::any().add(contains(some)).add_option(others)
    }

    /// The keys of the rows whose text may contain the term: all that do, and others that have the same
    /// parts of three characters. None, where there is no index from which SQLite could tell, or where
    /// the term is shorter.
    pub fn keys_containing<E: EntityTrait>(
        &self,
        column: E::Column,
        term: &str,
    ) -> Option<SelectStatement> {
        let parts = parts(term);
        if self.read().backend() != DbBackend::Sqlite || parts.is_empty() || term.contains('\0') {
            return None;
        }
        let table = E::default().table_name().to_owned();
        let numbers = Alias::new(format!("{table}_search"));
        let index = Alias::new(format!("{table}_search_index"));
        // FTS5's own language: https://sqlite.org/fts5.html#full_text_query_syntax
        let parts: Vec<String> = parts
            .iter()
            .map(|part| format!("\"{}\"", part.replace('"', "\"\"")))
            .collect();
        let matches = format!("{} : ({})", column.as_str(), parts.join(" AND "));
        let is_of = Expr::col((numbers.clone(), Alias::new("number")))
            .eq(Expr::col((index.clone(), Alias::new("rowid"))));
        Some(
            Query::select()
                .column((numbers.clone(), Alias::new("id")))
                .from(index)
                // SQLite keeps the order of a cross join: first what the index finds.
                .join(JoinType::CrossJoin, numbers, Condition::all())
                .and_where(is_of)
                .and_where(Expr::cust_with_values(
                    format!("\"{table}_search_index\" MATCH ?"),
                    [matches],
                ))
                .to_owned(),
        )
    }

    /// Does a part of having SQLite's indexes forget the parts of texts that are gone: they only mark them, and
    /// leave them until they are next written anew. Returns whether there is more to do.
    pub async fn compact_search(&self, db: &Transaction) -> Result<bool, DbErr> {
        let mut is_more = false;
        if db.backend() == DbBackend::Sqlite {
            for index in ["users_search_index", "emails_search_index"] {
                let before = structure(db, index).await?;
                // https://sqlite.org/fts5.html#the_merge_command
                db.execute_batch(&format!(
                    "INSERT INTO {index} ({index}, rank) VALUES ('merge', -{PAGES_AT_ONCE})"
                ))
                .await?;
                is_more |= structure(db, index).await? != before;
            }
        }
        Ok(is_more)
    }

    /// A condition that SQLite takes for one that few rows match, whatever it found when its tables were
    /// last analysed: it looks them up in an index. See
    /// <https://sqlite.org/lang_corefunc.html#unlikely>
    pub fn unlikely(&self, condition: impl IntoCondition) -> SimpleExpr {
        self.hinted("unlikely", condition)
    }

    /// A condition that SQLite takes for one that most rows match: it tries them in the order in which
    /// they are wanted.
    pub fn likely(&self, condition: impl IntoCondition) -> SimpleExpr {
        self.hinted("likely", condition)
    }

    fn hinted(&self, hint: &'static str, condition: impl IntoCondition) -> SimpleExpr {
        let condition = SimpleExpr::from(condition.into_condition());
        match self.read().backend() {
            DbBackend::Sqlite => Func::cust(hint).arg(condition).into(),
            _ => condition,
        }
    }

    /// A column's value, which SQLite does not look up in an index.
    /// See <https://sqlite.org/optoverview.html>, "Disqualifying WHERE Clause Terms Using Unary +".
    pub fn without_index(&self, column: impl ColumnTrait) -> SimpleExpr {
        let value = column.into_expr();
        match self.read().backend() {
            DbBackend::Sqlite => Expr::cust_with_expr("+?", value),
            _ => value,
        }
    }
}

/// Of what parts an index is made; it changes whenever these do.
async fn structure(db: &Transaction, index: &str) -> Result<Option<String>, DbErr> {
    let query = format!("SELECT HEX(block) FROM {index}_data WHERE id = 10");
    let rows = db.rows(Statement::from_string(db.backend(), query)).await?;
    rows.first().map(|row| row.get(0)).transpose()
}

/// The parts of three characters, as FTS5's tokenizer makes them.
fn parts(term: &str) -> BTreeSet<String> {
    let characters: Vec<char> = term.chars().collect();
    let parts = characters.windows(3).map(|part| part.iter().collect());
    parts.take(MAX_PARTS).collect()
}

/// As a pattern of `LIKE`, in which every character stands for itself.
fn escaped(term: &str) -> String {
    term.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}
