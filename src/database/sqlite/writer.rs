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
use crate::database::races;

/// The one connection that writes. Those who want it line up for it.
#[derive(Clone, Debug)]
pub struct Writer(Arc<Mutex<Writing>>);

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
        Ok(Self(Arc::new(Mutex::new(Writing {
            connection: Some(connection),
            done: Vec::new(),
        }))))
    }

    /// Begins a transaction, when those before it in line are done.
    pub async fn begin(&self) -> Result<Turn, DbErr> {
        let writing = self.0.clone().lock_owned().await;
        Ok(Turn {
            writer: self.clone(),
            held: Mutex::new(Some(Held::begin(writing).await?)),
        })
    }

    /// Stores what is done by then, when it is its turn.
    async fn store(self) -> Result<(), DbErr> {
        let mut writing = self.0.lock_owned().await;
        at_leisure(move || writing.store()).await
    }

    /// Closes the connection, when all that is done is stored.
    pub async fn close(&self) {
        let mut writing = self.0.lock().await;
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
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use std::time::Duration;

    use sea_orm::{DbBackend, Value};
    use tokio::time::timeout;

    use super::*;
    use crate::database::row::Kind;

    /// How long anything here may take.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A database with a table of numbers, and a look at what is stored in it.
    struct Numbers {
        _folder: tempfile::TempDir,
        outside: rusqlite::Connection,
        writer: Writer,
    }

    impl Numbers {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("usher.db");
            let outside = rusqlite::Connection::open(&file).unwrap();
            outside
                .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE n (i PRIMARY KEY, text)")
                .unwrap();
            let writer = Writer::open(&file, Access::Full).unwrap();
            Self {
                _folder: folder,
                outside,
                writer,
            }
        }

        async fn begin(&self) -> Turn {
            timeout(PATIENCE, self.writer.begin())
                .await
                .unwrap()
                .unwrap()
        }

        /// A transaction that inserts one number.
        async fn insert(&self, number: i64) -> Turn {
            let turn = self.begin().await;
            turn.execute(&inserts(number)).await.unwrap();
            turn
        }

        /// The numbers that are stored.
        fn stored(&self) -> Vec<i64> {
            let mut query = self.outside.prepare("SELECT i FROM n ORDER BY i").unwrap();
            let numbers = query.query_map([], |row| row.get(0)).unwrap();
            numbers.map(|number| number.unwrap()).collect()
        }
    }

    fn sql(sql: &str) -> Statement {
        Statement::from_string(DbBackend::Sqlite, sql)
    }

    fn inserts(number: i64) -> Statement {
        let values: [Value; 1] = [number.into()];
        Statement::from_sql_and_values(DbBackend::Sqlite, "INSERT INTO n (i) VALUES (?)", values)
    }

    async fn count(turn: &Turn) -> Option<Value> {
        let rows = turn.rows(sql("SELECT COUNT(*) FROM n")).await.unwrap();
        rows[0].value(0, Kind::Big)
    }

    async fn committed(turn: Turn) -> Result<(), DbErr> {
        timeout(PATIENCE, turn.commit()).await.unwrap()
    }

    #[tokio::test]
    async fn those_who_wait_are_stored_together() {
        let numbers = Numbers::new();
        let first = numbers.insert(1).await;
        let second = async {
            let second = numbers.insert(2).await;
            assert_eq!(count(&second).await, Some(2_i64.into()));
            assert_eq!(numbers.stored(), [] as [i64; 0], "the first one waits");
            committed(second).await
        };
        let (first, second) = tokio::join!(biased; committed(first), second);
        assert_eq!((first, second), (Ok(()), Ok(())));
        assert_eq!(numbers.stored(), [1, 2]);
    }

    #[tokio::test]
    async fn each_is_undone_by_itself() {
        let numbers = Numbers::new();
        drop(numbers.insert(0).await);
        let first = numbers.insert(1).await;
        let others = async {
            drop(numbers.insert(2).await);
            let third = numbers.insert(3).await;
            third.execute(&inserts(1)).await.unwrap_err();
            committed(third).await
        };
        let (first, third) = tokio::join!(biased; committed(first), others);
        assert_eq!((first, third), (Ok(()), Ok(())));
        assert_eq!(numbers.stored(), [1, 3]);
    }

    /// As when somebody cancels their request.
    #[tokio::test]
    async fn what_is_done_is_stored_even_if_nobody_waits() {
        let numbers = Numbers::new();
        let first = numbers.insert(1).await;
        let given_up = async {
            let mut commit = std::pin::pin!(first.commit());
            std::future::poll_fn(|context| {
                assert!(commit.as_mut().poll(context).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
        };
        given_up.await;
        committed(numbers.insert(2).await).await.unwrap();
        assert_eq!(numbers.stored(), [1, 2]);
    }

    /// A savepoint makes the index for searching write, which may fail as well.
    #[tokio::test]
    async fn those_who_were_done_hear_when_a_savepoint_loses_all() {
        let numbers = Numbers::new();
        let first = numbers.begin().await;
        let index = "CREATE VIRTUAL TABLE texts USING fts5(text, content = '')";
        first.execute_batch(index).await.unwrap();
        committed(first).await.unwrap();
        let full = numbers.begin().await;
        full.execute_batch("PRAGMA max_page_count = 1")
            .await
            .unwrap();
        drop(full);
        let first = numbers.begin().await;
        let words: Vec<String> = (0..5000).map(|word| format!("word{word}")).collect();
        let insert = format!(
            "INSERT INTO texts (rowid, text) VALUES (1, '{}')",
            words.join(" ")
        );
        first.execute(&sql(&insert)).await.unwrap();
        let others = async {
            let refused = timeout(PATIENCE, numbers.writer.begin()).await.unwrap();
            assert!(refused.unwrap_err().to_string().contains("full"));
            committed(numbers.insert(3).await).await
        };
        let (first, third) = tokio::join!(biased; committed(first), others);
        assert!(races::is_lost_race(&first.unwrap_err()));
        assert_eq!(third, Ok(()));
        assert_eq!(numbers.stored(), [3]);
    }

    /// A full disk ends SQLite's whole transaction. Those who were done before are not to blame.
    #[tokio::test]
    async fn those_who_were_done_hear_when_all_is_lost() {
        let numbers = Numbers::new();
        let full = numbers.begin().await;
        full.execute_batch("PRAGMA max_page_count = 1")
            .await
            .unwrap();
        drop(full);
        let first = numbers.insert(1).await;
        let others = async {
            let second = committed(numbers.insert(2).await);
            let third = async {
                let third = numbers.insert(3).await;
                let large = sql("INSERT INTO n (i, text) VALUES (4, zeroblob(1000000))");
                let error = third.execute(&large).await.unwrap_err();
                assert!(error.to_string().contains("full"), "{error}");
                // Nothing is stored outside of the transaction, which is over.
                third.execute(&inserts(5)).await.unwrap_err();
                committed(third).await
            };
            tokio::join!(biased; second, third)
        };
        let (first, (second, third)) = tokio::join!(biased; committed(first), others);
        for lost in [first, second] {
            assert!(races::is_lost_race(&lost.unwrap_err()));
        }
        assert!(!races::is_lost_race(&third.unwrap_err()));
        assert_eq!(numbers.stored(), [] as [i64; 0]);
        committed(numbers.insert(6).await).await.unwrap();
        assert_eq!(numbers.stored(), [6]);
    }

    #[tokio::test]
    async fn a_transaction_that_is_given_up_at_a_long_statement_is_undone() {
        let numbers = Numbers::new();
        let turn = numbers.insert(1).await;
        let long = "WITH RECURSIVE m(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM m WHERE i < 100000) \
                    INSERT INTO n (i) SELECT i FROM m";
        let long = timeout(Duration::ZERO, turn.execute_at_leisure(sql(long))).await;
        drop(turn);
        assert!(long.is_err(), "{long:?}");
        committed(numbers.insert(2).await).await.unwrap();
        assert_eq!(numbers.stored(), [2]);
    }

    /// Another process may write.
    #[tokio::test]
    async fn a_transaction_waits_for_a_lock() {
        let numbers = Numbers::new();
        numbers.outside.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (turn, ()) = tokio::join!(numbers.insert(1), async {
            tokio::task::yield_now().await;
            numbers.outside.execute_batch("COMMIT").unwrap();
        });
        committed(turn).await.unwrap();
        assert_eq!(numbers.stored(), [1]);
    }

    #[tokio::test]
    async fn what_is_done_is_stored_before_the_end() {
        let numbers = Numbers::new();
        let first = numbers.insert(1).await;
        let (first, ()) = tokio::join!(biased; committed(first), numbers.writer.close());
        assert_eq!(first, Ok(()));
        assert_eq!(numbers.stored(), [1]);
        numbers.writer.begin().await.unwrap_err();
    }
}
