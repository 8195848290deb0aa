//! How far a request has got: whoever serves it says so here, for the metrics and for the log.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::connections::Arrival;
use crate::metrics::{Operation, Outcome, Stage};

/// So many operations and codes of one request are told of.
const MAX_TOLD: usize = 10;

/// How far a request has got.
#[derive(Debug)]
pub struct Progress {
    /// The request's identifier, for those who report it to the caller.
    pub id: String,
    /// When its first byte came.
    pub begun: Instant,
    arrival: Option<Arrival>,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
struct State {
    stage: Stage,
    /// Whether its time has run out.
    is_late: bool,
    operations: Vec<(Operation, Outcome)>,
    codes: Vec<String>,
}

/// What the log says of the operations of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// Their types.
    pub operations: String,
    /// What became of them.
    pub outcomes: String,
    /// The codes of errors, each once.
    pub codes: String,
}

impl Progress {
    /// Of a request that arrived so, as far as its connection has said.
    pub fn new(id: String, arrival: Option<Arrival>) -> Self {
        Self {
            id,
            begun: arrival
                .as_ref()
                .map_or_else(Instant::now, |arrival| arrival.first_byte),
            arrival,
            state: Mutex::new(State {
                stage: Stage::Execution,
                is_late: false,
                operations: Vec::new(),
                codes: Vec::new(),
            }),
        }
    }

    /// This is what it waits for from now on.
    pub fn comes_to(&self, stage: Stage) {
        self.state().stage = stage;
    }

    /// Its time has run out.
    pub fn is_late(&self) {
        self.state().is_late = true;
    }

    /// What it waited for when its time ran out, if it did.
    pub fn late_at(&self) -> Option<Stage> {
        let state = self.state();
        let closed = self.arrival.as_ref().is_some_and(Arrival::is_too_slow);
        (state.is_late || closed).then_some(state.stage)
    }

    /// This became of one of its operations.
    pub fn ended(&self, operation: Operation, outcome: Outcome) {
        let operations = &mut self.state().operations;
        if operations.len() < MAX_TOLD {
            operations.push((operation, outcome));
        }
    }

    /// An error has this code.
    pub fn has_code(&self, code: &str) {
        let codes = &mut self.state().codes;
        if codes.len() < MAX_TOLD && codes.iter().all(|known| known != code) {
            codes.push(code.to_owned());
        }
    }

    /// What is to be said of its operations.
    pub fn told(&self) -> Told {
        let state = self.state();
        let operations = state.operations.iter().map(|(kind, _)| kind.as_str());
        let outcomes = state.operations.iter().map(|(_, outcome)| outcome.as_str());
        Told {
            operations: operations.collect::<Vec<_>>().join(","),
            outcomes: outcomes.collect::<Vec<_>>().join(","),
            codes: state.codes.join(","),
        }
    }

    /// Nothing here can be left half-made by a panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
