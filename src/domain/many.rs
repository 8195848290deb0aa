//! The same change to many, one after the other: each of them whole or not at all.

use std::time::Duration;

use tokio::time::Instant;

use super::error::{Error, Result, UserError, UserErrorCode};

/// To how many the same change can be made with one request.
pub const AT_MOST: usize = 500;

/// Those that a change is made to.
#[derive(Clone, Debug)]
pub struct Chosen<I> {
    each: Vec<I>,
    place: Place,
}

/// Which input chose them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// This list, an entry for each.
    List(&'static str),
    /// The filter.
    Filter,
}

impl Place {
    fn field(self) -> &'static str {
        match self {
            Self::List(field) => field,
            Self::Filter => "filter",
        }
    }

    /// The same errors, of the input that chose the one at `index`.
    fn explain(self, errors: Vec<UserError>, index: usize) -> Vec<UserError> {
        let field = match self {
            Self::List(field) => vec![field.to_owned(), index.to_string()],
            Self::Filter => vec![self.field().to_owned()],
        };
        let explained = errors.into_iter().map(|error| UserError {
            field: field.clone(),
            ..error
        });
        explained.collect()
    }
}

impl<I: Copy> Chosen<I> {
    /// Those, from that input.
    ///
    /// # Errors
    ///
    /// [`Required`](UserErrorCode::Required) for an empty list, and [`TooMany`](UserErrorCode::TooMany).
    pub fn new(each: Vec<I>, place: Place) -> Result<Self> {
        let refused = |code, message| UserError::new(code, place.field(), message);
        if each.is_empty() && place != Place::Filter {
            let message = "Provide at least one ID.".to_owned();
            return Err(refused(UserErrorCode::Required, message).into());
        }
        if each.len() > AT_MOST {
            let message = match place {
                Place::List(_) => format!("Provide at most {AT_MOST} IDs."),
                Place::Filter => format!("More than {AT_MOST} match. Narrow the filter."),
            };
            let error = refused(UserErrorCode::TooMany, message);
            return Err(error.with("max", AT_MOST).into());
        }
        Ok(Self { each, place })
    }

    /// In the order of the input.
    pub fn iter(&self) -> impl Iterator<Item = I> {
        self.each.iter().copied()
    }
}

/// What has become of one of them.
#[derive(Debug)]
pub enum Outcome<T> {
    /// The change was made, or there was nothing to do.
    Done(T),
    /// Nothing was done, for these reasons.
    Failed(Vec<UserError>),
    /// Nothing was done, because the server was kept from it before it came to this one.
    NotDone,
    /// The database went away while this was stored: it was done, or it was not.
    Unknown,
}

/// What has become of all of them.
#[derive(Debug)]
pub struct Outcomes<T> {
    /// In their order.
    pub each: Vec<Outcome<T>>,
    /// What kept the server from the last of them, if anything did.
    pub stopped_by: Option<Error>,
}

impl<T> Outcomes<T> {
    fn add(&mut self, size: usize, outcome: impl Fn() -> Outcome<T>) {
        self.each.extend(std::iter::repeat_with(outcome).take(size));
    }
}

/// Makes a change to each, in a transaction of its own, so that nobody else who writes waits for all of them.
///
/// # Errors
///
/// Those of [`in_turn`]. What is wrong with one is told in its [`Outcome`].
pub async fn each<I, T, F>(
    chosen: &Chosen<I>,
    within: Duration,
    change: impl Fn(I) -> F,
) -> Result<Outcomes<T>>
where
    I: Copy,
    F: Future<Output = Result<T>> + Send,
{
    let place = chosen.place;
    let parts = chosen.iter().enumerate().map(|part| (part, 1));
    in_turn(parts, within, |(index, one)| {
        let made = change(one);
        async move {
            match made.await {
                Ok(value) => Ok(vec![Outcome::Done(value)]),
                Err(Error::Refused(errors)) => {
                    Ok(vec![Outcome::Failed(place.explain(errors, index))])
                }
                Err(error) => Err(error),
            }
        }
    })
    .await
}

/// Makes a change to each part of many, of so many each, and collects what becomes of each. After that time none
/// is begun any more: whoever asked would not wait for the outcomes.
///
/// # Errors
///
/// Whatever keeps the server from the first part; and what is refused as a whole, which must be before anything
/// was done.
pub async fn in_turn<P, T, F>(
    parts: impl Iterator<Item = (P, usize)>,
    within: Duration,
    change: impl Fn(P) -> F,
) -> Result<Outcomes<T>>
where
    F: Future<Output = Result<Vec<Outcome<T>>>> + Send,
{
    let mut outcomes = Outcomes {
        each: Vec::new(),
        stopped_by: None,
    };
    let end = Instant::now().checked_add(within);
    for (part, size) in parts {
        if outcomes.stopped_by.is_some() {
            outcomes.add(size, || Outcome::NotDone);
            continue;
        }
        let is_late = end.is_some_and(|end| Instant::now() > end);
        let made = if is_late && !outcomes.each.is_empty() {
            Err(Error::Busy {
                retry_after: Duration::ZERO,
            })
        } else {
            Box::pin(change(part)).await
        };
        match made {
            Ok(made) => outcomes.each.extend(made),
            Err(error) if outcomes.each.is_empty() => return Err(error),
            Err(error @ Error::Refused(_)) => return Err(error),
            Err(error) => {
                match error {
                    Error::OutcomeUnknown(_) => outcomes.add(size, || Outcome::Unknown),
                    _ => outcomes.add(size, || Outcome::NotDone),
                }
                outcomes.stopped_by = Some(error);
            }
        }
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn what_keeps_the_server_from_one_keeps_it_from_those_behind_and_undoes_nothing() {
        let chosen = Chosen::new(vec![0, 1, 2, 3], Place::List("ids")).unwrap();
        let refused = || UserError::new(UserErrorCode::WrongState, "id", "Not that one.");
        let change = async |one| match one {
            0 => Ok("done"),
            1 => Err(refused().into()),
            2 => Err(Error::Unauthenticated),
            _ => panic!("nothing is tried after that"),
        };
        let outcomes = each(&chosen, LONG, &change).await.unwrap();
        assert!(matches!(outcomes.stopped_by, Some(Error::Unauthenticated)));
        let Ok([done, failed, stopped, behind]) = <[_; 4]>::try_from(outcomes.each) else {
            panic!("each has an outcome");
        };
        assert!(matches!(done, Outcome::Done("done")));
        assert!(matches!(stopped, Outcome::NotDone));
        assert!(matches!(behind, Outcome::NotDone));
        let Outcome::Failed(errors) = failed else {
            panic!("it was refused");
        };
        assert_eq!(errors[0].field, ["ids", "1"]);

        let chosen = Chosen::new(vec![2], Place::Filter).unwrap();
        let outcomes = each(&chosen, LONG, &change).await;
        assert!(matches!(outcomes, Err(Error::Unauthenticated)));
    }

    #[tokio::test(start_paused = true)]
    async fn none_is_begun_when_the_time_is_over() {
        let chosen = Chosen::new(vec![0, 1, 2], Place::Filter).unwrap();
        let change = async |_| {
            tokio::time::sleep(LONG).await;
            Ok(())
        };
        let outcomes = each(&chosen, LONG * 3 / 2, &change).await.unwrap();
        assert!(matches!(outcomes.stopped_by, Some(Error::Busy { .. })));
        let done = |outcome: &&Outcome<()>| matches!(outcome, Outcome::Done(()));
        assert_eq!(outcomes.each.iter().filter(done).count(), 2);
        assert!(matches!(outcomes.each[2], Outcome::NotDone));
    }

    #[tokio::test]
    async fn a_part_that_is_not_done_is_so_for_each_in_it() {
        let parts = || [("done", 2), ("away", 3), ("behind", 1)].into_iter();
        let change = |outcome: fn() -> Error| {
            move |part| async move {
                match part {
                    "done" => Ok(vec![Outcome::Done(()), Outcome::Failed(Vec::new())]),
                    "away" => Err(outcome()),
                    _ => panic!("nothing is tried after that"),
                }
            }
        };
        let outcomes = in_turn(parts(), LONG, change(|| Error::Unauthenticated)).await;
        let outcomes = outcomes.unwrap();
        assert!(matches!(outcomes.stopped_by, Some(Error::Unauthenticated)));
        assert!(matches!(outcomes.each[0], Outcome::Done(())));
        assert!(matches!(outcomes.each[1], Outcome::Failed(_)));
        let not_done = |outcome: &Outcome<()>| matches!(outcome, Outcome::NotDone);
        assert_eq!(outcomes.each.len(), 6);
        assert!(outcomes.each[2..].iter().all(not_done));

        // What is refused as a whole is no outcome of some.
        let refused = || UserError::new(UserErrorCode::Invalid, "key", "Not that one.").into();
        let outcomes = in_turn(parts(), LONG, change(refused)).await;
        assert!(matches!(outcomes, Err(Error::Refused(_))));
    }
}
