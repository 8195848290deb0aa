//! The same change to many: what the inputs name, and what becomes of each.

use async_graphql::{Context, Enum, ID, Result};

use super::context::ContextExt;
use super::error::UserError;
use super::payload::{note_change, note_stop};
use crate::domain::many::{self, Chosen, Outcome};
use crate::domain::{self, UserErrorCode};

/// What an input names those by that a change is made to.
pub enum NamedBy<F> {
    /// Each by its ID, in the list of this name.
    List(&'static str, Vec<ID>),
    /// All that match.
    Filter(F),
}

impl<F> NamedBy<F> {
    /// By one of the lists or by the filter, exactly one of them.
    ///
    /// # Errors
    ///
    /// [`Required`](UserErrorCode::Required) for none, [`Invalid`](UserErrorCode::Invalid) for several.
    pub fn new<const N: usize>(
        lists: [(&'static str, Option<Vec<ID>>); N],
        filter: Option<F>,
    ) -> domain::Result<Self> {
        let names: Vec<String> = lists.iter().map(|(name, _)| format!("`{name}`")).collect();
        let lists = lists.into_iter();
        let lists = lists.filter_map(|(name, ids)| Some(Self::List(name, ids?)));
        let mut given: Vec<Self> = lists.chain(filter.map(Self::Filter)).collect();
        let code = match (given.pop(), given.is_empty()) {
            (Some(only), true) => return Ok(only),
            (Some(_), false) => UserErrorCode::Invalid,
            (None, _) => UserErrorCode::Required,
        };
        let message = format!("Provide exactly one of {} and `filter`.", names.join(", "));
        Err(domain::UserError::new(code, None, message).into())
    }
}

/// How many an input may name: for the limit of complexity.
pub fn named_count<const N: usize>(lists: [&Option<Vec<ID>>; N]) -> usize {
    let longest = lists.into_iter().flatten().map(Vec::len).max();
    longest.unwrap_or(many::AT_MOST)
}

/// What has become of one of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ChangeOutcome {
    /// It was done, or there was nothing to do.
    Done,
    /// It was not done, for the reasons in `userErrors`.
    Failed,
    /// It was not done, because the server was kept from it; `errors` says why. Try again with these.
    NotDone,
    /// It was done or not: the connection to the database broke off meanwhile. Look before you try again.
    Unknown,
}

/// What has become of one of them, as payloads tell it.
pub struct Told<T> {
    /// What has become of it.
    pub outcome: ChangeOutcome,
    /// What was changed, if it was.
    pub changed: Option<T>,
    /// Why it was not.
    pub user_errors: Vec<UserError>,
}

/// Makes a change to each of those, and tells what has become of them, in their order.
///
/// # Errors
///
/// Those of [`many::each`]. What kept the server from the last of them is added to the answer's errors.
pub async fn each<I, T, F>(
    ctx: &Context<'_>,
    chosen: &Chosen<I>,
    change: impl Fn(I) -> F,
) -> Result<domain::Result<Vec<Told<T>>>>
where
    I: Copy,
    F: Future<Output = domain::Result<T>> + Send,
{
    // What is left of the time is for the last of them, and for the answer.
    let within = ctx.app()?.settings.graphql.timeout / 2;
    let outcomes = many::each(chosen, within, change).await;
    note_change(ctx, &outcomes)?;
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(error) => return Ok(Err(error)),
    };
    if let Some(error) = outcomes.stopped_by {
        note_stop(ctx, error);
    }
    Ok(Ok(outcomes.each.into_iter().map(Told::from).collect()))
}

impl<T> From<Outcome<T>> for Told<T> {
    fn from(outcome: Outcome<T>) -> Self {
        let told = |outcome| Self {
            outcome,
            changed: None,
            user_errors: Vec::new(),
        };
        match outcome {
            Outcome::Done(changed) => Self {
                changed: Some(changed),
                ..told(ChangeOutcome::Done)
            },
            Outcome::Failed(errors) => Self {
                user_errors: errors.into_iter().map(Into::into).collect(),
                ..told(ChangeOutcome::Failed)
            },
            Outcome::NotDone => told(ChangeOutcome::NotDone),
            Outcome::Unknown => told(ChangeOutcome::Unknown),
        }
    }
}
