//! Transactions that are stored together, and what becomes of each where one fails.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

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
