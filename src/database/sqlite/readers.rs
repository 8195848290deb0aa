//! Reading from SQLite's file, outside of transactions.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{DbErr, RuntimeErr, Statement};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::{Access, Connection, at_leisure, takes_longer};
use super::failure::failed;
use super::value::Row;
use crate::database::load::{Load, Tally};

/// Connections to the file that only read. They are opened as they are needed.
#[derive(Debug)]
pub struct Readers {
    file: PathBuf,
    access: Access,
    /// The one that was used last is used next.
    idle: Mutex<Vec<Connection>>,
    room: Arc<Semaphore>,
    connections: usize,
    waiting: Tally,
}

impl Readers {
    /// As many connections at a time as that.
    pub fn new(file: &Path, access: Access, connections: u32) -> Self {
        Self {
            file: file.to_owned(),
            access,
            idle: Mutex::default(),
            room: Arc::new(Semaphore::new(connections as usize)),
            connections: connections as usize,
            waiting: Tally::default(),
        }
    }

    /// The rows that a query finds.
    pub async fn rows(&self, query: Statement) -> Result<Vec<Row>, DbErr> {
        // A task that asks again and again must let others have the thread now and then.
        tokio::task::coop::consume_budget().await;
        let permit = self.enter().await?;
        let connection = match self.idle().pop() {
            Some(connection) => connection,
            None => Connection::open_to_read(&self.file, self.access).map_err(failed)?,
        };
        let (connection, found) = match connection.query(&query) {
            Err(error) if takes_longer(&error) => {
                Box::pin(patiently(connection, query, permit)).await?
            }
            found => (connection, found),
        };
        self.idle().push(connection);
        found.map_err(failed)
    }

    /// Waits until there is room for one more query.
    async fn enter(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        if let Ok(permit) = self.room.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = self.waiting.count();
        let closed = |_| DbErr::Conn(RuntimeErr::Internal("the database was closed".to_owned()));
        Box::pin(self.room.clone().acquire_owned())
            .await
            .map_err(closed)
    }

    /// Lets no more queries begin, and closes the connections that are not in use.
    pub fn close(&self) {
        self.room.close();
        self.idle().clear();
    }

    /// How busy the connections are.
    pub fn load(&self) -> Load {
        Load {
            used: self
                .connections
                .saturating_sub(self.room.available_permits()),
            idle: self.idle().len(),
            max: self.connections,
            waiting: self.waiting.now(),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a query on a thread that may block, until it is done or nobody waits for it any more.
async fn patiently(
    connection: Connection,
    query: Statement,
    permit: OwnedSemaphorePermit,
) -> Result<(Connection, rusqlite::Result<Vec<Row>>), DbErr> {
    // Before anybody can give up, which ends the patience again.
    let patient = connection.be_patient();
    let _broken_off_when_dropped = connection.broken_off_when_dropped();
    let ask = move || {
        let found = patient.and_then(|()| connection.rows(&query));
        drop(permit);
        (connection, found)
    };
    at_leisure(ask).await
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

    /// A database of its own, with room for one query at a time.
    fn readers() -> (tempfile::TempDir, Readers) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("usher.db");
        rusqlite::Connection::open(&file).unwrap();
        (folder, Readers::new(&file, Access::Full, 1))
    }

    /// Counts as far as that.
    fn count_to(last: &str) -> Statement {
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE {last}) SELECT COUNT(*) FROM n"
        );
        Statement::from_string(DbBackend::Sqlite, sql)
    }

    async fn number(readers: &Readers, query: Statement) -> i64 {
        let rows = timeout(PATIENCE, readers.rows(query)).await.unwrap();
        match rows.unwrap()[0].value(0, Kind::Big) {
            Some(Value::BigInt(Some(number))) => number,
            other => unreachable!("{other:?}"),
        }
    }

    /// There is one thread, on which a short query asked for later is answered first.
    #[tokio::test]
    async fn a_long_query_leaves_the_thread_to_others() {
        let (folder, readers) = readers();
        let others = Readers::new(&folder.path().join("usher.db"), Access::Full, 1);
        let answered = Mutex::new(Vec::new());
        let ask = async |readers: &Readers, last| {
            let number = number(readers, count_to(last)).await;
            answered.lock().unwrap().push(number);
        };
        tokio::join!(ask(&readers, "i < 1000000"), ask(&others, "i < 3"));
        assert_eq!(*answered.lock().unwrap(), [3, 1_000_000]);
    }

    #[tokio::test]
    async fn a_task_that_asks_again_and_again_leaves_the_thread_to_others() {
        let (_folder, readers) = readers();
        let done = Mutex::new(Vec::new());
        let asks = async {
            for _ in 0..1000 {
                number(&readers, count_to("i < 3")).await;
            }
            done.lock().unwrap().push("the thousand queries");
        };
        let others = async { done.lock().unwrap().push("another task") };
        tokio::join!(biased; asks, others);
        assert_eq!(done.lock().unwrap()[0], "another task");
    }

    #[tokio::test]
    async fn a_query_that_nobody_waits_for_ends() {
        let (_folder, readers) = readers();
        let endless = readers.rows(count_to("i > 0"));
        timeout(Duration::from_millis(50), endless)
            .await
            .unwrap_err();
        // There is room for one query only.
        assert_eq!(number(&readers, count_to("i < 3")).await, 3);
    }

    /// Another process may hold the whole file for a while.
    #[tokio::test]
    async fn a_query_waits_for_a_lock() {
        let (folder, readers) = readers();
        let other = rusqlite::Connection::open(folder.path().join("usher.db")).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let (number, ()) = tokio::join!(number(&readers, count_to("i < 3")), async {
            tokio::task::yield_now().await;
            other.execute_batch("COMMIT").unwrap();
        });
        assert_eq!(number, 3);
    }

    #[tokio::test]
    async fn nothing_is_written_and_nothing_else_is_read_for_what_is_asked() {
        let (_folder, readers) = readers();
        let sql = |sql: &str| Statement::from_string(DbBackend::Sqlite, sql);
        assert!(readers.rows(sql("CREATE TABLE t (i)")).await.is_err());
        let rows = readers.rows(sql("SELECT CAST(x'ff' AS TEXT), 'a', 300, NULL"));
        let row = rows.await.unwrap().pop().unwrap();
        assert_eq!(row.value(0, Kind::Text), None, "no UTF-8");
        assert_eq!(row.value(1, Kind::Big), None, "no number");
        assert_eq!(row.value(2, Kind::Small), Some(300_i16.into()));
        assert_eq!(row.value(3, Kind::Uuid), Some(Value::Uuid(None)));
        assert_eq!(row.value(4, Kind::Big), None, "no column");
    }
}
