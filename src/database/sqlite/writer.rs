//! Writing to SQLite's file: one transaction after the other, of which several are stored at once.
//!
//! Storing is what costs most: all pages that have changed are written, and put on the disk for sure.
//! While one transaction is made, others stand in line. So one that is done is not stored by itself: it
//! lines up once more, behind those who were there before it, and by the time it comes to its turn, all
//! of them are done and are stored together (group commit). Each is a savepoint in SQLite's one
//! transaction, and can be undone by itself; nobody is told of success before all of it is on the disk.
//! Who is alone in line is stored at once.

use std::mem;
use std::path::Path;
use std::sync::Arc;

use sea_orm::{DbErr, Statement};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::task::coop::consume_budget;

use super::connection::{Access, Connection, at_leisure, takes_longer};
use super::failure::{Failure, failed};
use super::value::Row;
use crate::database::load::{Load, Tally};
use crate::database::races;

/// The one connection that writes. Those who want it line up for it.
#[derive(Clone, Debug)]
pub struct Writer {
    writing: Arc<Mutex<Writing>>,
    waiting: Tally,
}

#[derive(Debug)]
struct Writing {
    /// None, once it is closed.
    connection: Option<Connection>,
    /// Those who are done, and wait until it is stored. Nobody, where no transaction is open.
    done: Vec<oneshot::Sender<Result<(), DbErr>>>,
}

/// A transaction that is being made. Dropped without [`commit`](Self::commit), it leaves no trace.
#[derive(Debug)]
pub struct Turn {
    writer: Writer,
    /// None while a statement runs elsewhere, or when it was given up there.
    held: Mutex<Option<Held>>,
}

/// The connection, while a transaction has it.
#[derive(Debug)]
struct Held {
    writing: OwnedMutexGuard<Writing>,
    /// Whether others are done before it, who must not be undone with it.
    is_savepoint: bool,
    /// Whether there is nothing left to undo.
    is_over: bool,
}

impl Writer {
    /// Opens the connection.
    ///
    /// # Errors
    ///
    /// A file that is not there, cannot be read, or is no database.
    pub fn open(file: &Path, access: Access) -> Result<Self, DbErr> {
        let connection = Connection::open_to_write(file, access).map_err(failed)?;
        let writing = Writing {
            connection: Some(connection),
            done: Vec::new(),
        };
        Ok(Self {
            writing: Arc::new(Mutex::new(writing)),
            waiting: Tally::default(),
        })
    }

    /// Begins a transaction, when those before it in line are done.
    pub async fn begin(&self) -> Result<Turn, DbErr> {
        let waiting = self.waiting.count();
        let writing = self.writing.clone().lock_owned().await;
        drop(waiting);
        Ok(Turn {
            writer: self.clone(),
            held: Mutex::new(Some(Held::begin(writing).await?)),
        })
    }

    /// Stores what is done by then, when it is its turn.
    async fn store(self) -> Result<(), DbErr> {
        let mut writing = self.writing.lock_owned().await;
        at_leisure(move || writing.store()).await
    }

    /// How busy the connection is.
    pub fn load(&self) -> Load {
        let used = usize::from(self.writing.try_lock().is_err());
        Load {
            used,
            idle: 1 - used,
            max: 1,
            waiting: self.waiting.now(),
        }
    }

    /// Closes the connection, when all that is done is stored.
    pub async fn close(&self) {
        let mut writing = self.writing.lock().await;
        writing.store();
        writing.connection = None;
    }
}

impl Writing {
    fn connection(&self) -> Result<&Connection, DbErr> {
        let closed = || DbErr::Custom("the database was closed".to_owned());
        self.connection.as_ref().ok_or_else(closed)
    }

    fn store(&mut self) {
        if self.done.is_empty() {
            return;
        }
        let commit = || self.connection()?.run_patiently("COMMIT").map_err(failed);
        match commit() {
            Ok(()) => {
                for done in mem::take(&mut self.done) {
                    // It is not an error if nobody waits any more.
                    let _ = done.send(Ok(()));
                }
            }
            Err(error) => {
                self.undo_all();
                match self.done.pop() {
                    // Nobody else can be to blame.
                    Some(alone) if self.done.is_empty() => {
                        let _ = alone.send(Err(error));
                    }
                    last => {
                        self.done.extend(last);
                        self.lose(&error);
                    }
                }
            }
        }
    }

    /// Tells those who were done that nothing of it is stored, for somebody else's fault or for that of one
    /// of them. They are made again, one by one.
    fn lose(&mut self, cause: &DbErr) {
        for done in mem::take(&mut self.done) {
            let _ = done.send(Err(races::lost(cause)));
        }
    }

    /// After some errors, such as a full disk, SQLite undoes all of its transaction. Returns whether it has,
    /// and those who were done know it then.
    fn is_lost_by(&mut self, error: &rusqlite::Error) -> bool {
        let is_lost = self
            .connection
            .as_ref()
            .is_none_or(|own| !own.is_in_transaction());
        if is_lost {
            self.lose(&Failure::from(error).into());
        }
        is_lost
    }

    /// Undoes the transaction, unless SQLite has.
    fn undo_all(&self) {
        if let Ok(connection) = self.connection()
            && connection.is_in_transaction()
            && let Err(error) = connection.run("ROLLBACK")
        {
            tracing::error!(%error, "a transaction cannot be undone");
        }
    }
}

impl Turn {
    /// The rows that a query finds.
    pub async fn rows(&self, query: Statement) -> Result<Vec<Row>, DbErr> {
        consume_budget().await;
        let mut place = self.held.lock().await;
        let held = place.as_mut().ok_or_else(given_up)?;
        match held.attempt(|connection| connection.query(&query))? {
            Err(error) if takes_longer(&error) => {}
            found => return found.map_err(failed),
        }
        let patiently = move |connection: &Connection| connection.query_patiently(&query);
        Box::pin(at_leisure_in(&mut place, patiently)).await
    }

    /// How many rows a statement has changed: a few, which takes no longer than a moment.
    pub async fn execute(&self, statement: &Statement) -> Result<u64, DbErr> {
        consume_budget().await;
        let mut place = self.held.lock().await;
        let held = place.as_mut().ok_or_else(given_up)?;
        let changed = held.change(|connection| connection.execute(statement))?;
        Ok(changed as u64)
    }

    /// The same for any number of rows.
    pub async fn execute_at_leisure(&self, statement: Statement) -> Result<u64, DbErr> {
        let mut place = self.held.lock().await;
        let execute = move |connection: &Connection| connection.execute(&statement);
        let changed = Box::pin(at_leisure_in(&mut place, execute)).await?;
        Ok(changed as u64)
    }

    /// Does several statements as they are written.
    pub async fn execute_batch(&self, sql: &str) -> Result<(), DbErr> {
        let mut place = self.held.lock().await;
        let held = place.as_mut().ok_or_else(given_up)?;
        held.change(|connection| connection.run_batch(sql))
    }

    /// Returns when all of it is stored, or none.
    pub async fn commit(self) -> Result<(), DbErr> {
        let held = self.held.into_inner().ok_or_else(given_up)?;
        let (stored, is_first) = held.finish()?;
        // Whoever was the first of several sees to it. It must come to that even if nobody waits any more.
        if is_first {
            tokio::spawn(self.writer.store());
        }
        stored.await.map_err(|_| given_up())?
    }
}

impl Held {
    async fn begin(mut writing: OwnedMutexGuard<Writing>) -> Result<Self, DbErr> {
        let connection = writing.connection()?;
        let is_savepoint = connection.is_in_transaction();
        // Its lock comes first, so that no transaction finds out halfway through that it may not write.
        let sql = if is_savepoint {
            "SAVEPOINT turn"
        } else {
            "BEGIN IMMEDIATE"
        };
        let held = move |writing| Self {
            writing,
            is_savepoint,
            is_over: false,
        };
        match connection.run(sql) {
            Ok(()) => Ok(held(writing)),
            // Another process writes.
            Err(error) if takes_longer(&error) => {
                let patiently = move || match writing.connection()?.run_patiently(sql) {
                    Ok(()) => Ok(held(writing)),
                    Err(error) => {
                        writing.is_lost_by(&error);
                        Err(failed(error))
                    }
                };
                Box::pin(at_leisure(patiently)).await?
            }
            // A savepoint may write what has gathered in the index for searching.
            Err(error) => {
                writing.is_lost_by(&error);
                Err(failed(error))
            }
        }
    }

    fn connection(&self) -> Result<&Connection, DbErr> {
        // A statement outside of the transaction would be stored at once.
        if self.is_over {
            return Err(given_up());
        }
        self.writing.connection()
    }

    fn change<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DbErr> {
        self.attempt(change)?.map_err(failed)
    }

    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<rusqlite::Result<T>, DbErr> {
        let outcome = work(self.connection()?);
        if let Err(error) = &outcome {
            self.is_over = self.writing.is_lost_by(error);
        }
        Ok(outcome)
    }

    /// Lets the next one in, and tells when it is stored, and whether it is the first that is done.
    fn finish(mut self) -> Result<(oneshot::Receiver<Result<(), DbErr>>, bool), DbErr> {
        self.connection()?;
        if self.is_savepoint {
            self.change(|connection| connection.run("RELEASE turn"))?;
        }
        let (done, stored) = oneshot::channel();
        self.writing.done.push(done);
        self.is_over = true;
        Ok((stored, self.writing.done.len() == 1))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if !self.is_savepoint {
            return self.writing.undo_all();
        }
        let undo = self.change(|connection| connection.run_batch("ROLLBACK TO turn; RELEASE turn"));
        if let Err(error) = undo {
            // Those before it would be stored with a part of it.
            self.writing.undo_all();
            self.writing.lose(&error);
        }
    }
}

/// Does something with the connection on a thread that may block. If nobody waits for it any more, the
/// transaction is undone there.
async fn at_leisure_in<T: Send + 'static>(
    place: &mut Option<Held>,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, DbErr> {
    let mut held = place.take().ok_or_else(given_up)?;
    let work = move || {
        let outcome = held.change(work);
        (held, outcome)
    };
    let (held, outcome) = at_leisure(work).await?;
    *place = Some(held);
    outcome
}

fn given_up() -> DbErr {
    DbErr::Custom("the transaction has ended".to_owned())
}

#[cfg(test)]
mod tests;
