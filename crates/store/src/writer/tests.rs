//! Transactions in turn: what they share, and what they do not.

use super::*;
use futures_util::future::join_all;
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use std::time::Duration;
use tempfile::TempDir;

struct Case {
    writer: Arc<Writer>,
    options: SqliteConnectOptions,
    _directory: TempDir,
}

impl Case {
    async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let options = SqliteConnectOptions::new()
            .filename(directory.path().join("db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer = Arc::new(Writer::open(options.clone()).await.unwrap());
        let mut table = writer.begin().await.unwrap();
        table.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY, text TEXT NOT NULL DEFAULT '')").await.unwrap();
        table.commit().await.unwrap();
        Self { writer, options, _directory: directory }
    }

    /// What others see.
    async fn numbers(&self) -> Vec<i64> {
        let mut reader = self.options.connect().await.unwrap();
        sqlx::query_scalar("SELECT n FROM numbers ORDER BY n").fetch_all(&mut reader).await.unwrap()
    }

    async fn begin(&self) -> Writing {
        self.writer.begin().await.unwrap()
    }

    /// Waits until somebody stands in line behind whoever has the turn.
    async fn begins_next(&self) -> impl Future<Output = Writing> + use<> {
        let writer = Arc::clone(&self.writer);
        let mut next = Box::pin(async move { writer.begin().await.unwrap() });
        tokio::select! {
            biased;
            _ = &mut next => panic!("nobody has the turn"),
            () = std::future::ready(()) => {}
        }
        next
    }
}

async fn insert(writing: &mut Writing, n: i64) -> sqlx::Result<SqliteQueryResult> {
    sqlx::query("INSERT INTO numbers (n) VALUES ($1)").bind(n).execute(&mut **writing).await
}

#[tokio::test]
async fn one_alone_is_stored_when_it_is_told() {
    let case = Case::new().await;
    for n in 0..3 {
        let mut one = case.begin().await;
        insert(&mut one, n).await.unwrap();
        one.commit().await.unwrap();
        assert_eq!(case.numbers().await.last(), Some(&n));
    }
}

#[tokio::test]
async fn who_waits_shares_the_commit_and_nobody_is_told_before_it() {
    let case = Case::new().await;
    let mut first = case.begin().await;
    insert(&mut first, 1).await.unwrap();
    let second = case.begins_next().await;
    let first = tokio::spawn(first.commit());
    let mut second = second.await;
    assert!(second.joins);
    insert(&mut second, 2).await.unwrap();
    assert!(!first.is_finished(), "told before it is stored");
    assert_eq!(case.numbers().await, [0_i64; 0]);
    second.commit().await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(case.numbers().await, [1, 2]);
}

#[tokio::test]
async fn who_gives_up_takes_nobody_along() {
    let case = Case::new().await;
    let mut first = case.begin().await;
    insert(&mut first, 1).await.unwrap();
    let (second, third) = (case.begins_next().await, case.begins_next().await);
    let first = tokio::spawn(first.commit());
    let mut second = second.await;
    insert(&mut second, 2).await.unwrap();
    assert!(insert(&mut second, 1).await.is_err(), "there is one already");
    drop(second);
    let mut third = third.await;
    assert!(third.joins);
    insert(&mut third, 3).await.unwrap();
    third.commit().await.unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(case.numbers().await, [1, 3]);
    // And one that is given up alone leaves nothing.
    let mut alone = case.begin().await;
    insert(&mut alone, 4).await.unwrap();
    drop(alone);
    let mut last = case.begin().await;
    assert!(!last.joins);
    insert(&mut last, 5).await.unwrap();
    last.commit().await.unwrap();
    assert_eq!(case.numbers().await, [1, 3, 5]);
}

#[tokio::test]
async fn whose_group_fails_is_told_and_the_next_begins_anew() {
    let case = Case::new().await;
    let mut first = case.begin().await;
    insert(&mut first, 1).await.unwrap();
    let second = case.begins_next().await;
    let first = tokio::spawn(first.commit());
    let mut second = second.await;
    // What SQLite does by itself where a disk is full.
    second.execute("ROLLBACK").await.unwrap();
    drop(second);
    assert!(first.await.unwrap().unwrap_err().to_string().contains("shared with others failed"));
    assert_eq!(case.numbers().await, [0_i64; 0]);
    let mut next = case.begin().await;
    assert!(!next.joins);
    insert(&mut next, 2).await.unwrap();
    next.commit().await.unwrap();
    assert_eq!(case.numbers().await, [2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_each_is_stored_or_undone_by_itself() {
    let case = Case::new().await;
    let writes = (0..1_000_i64).map(|n| {
        let writer = Arc::clone(&case.writer);
        tokio::spawn(async move {
            let mut writing = writer.begin().await.unwrap();
            insert(&mut writing, n).await.unwrap();
            match n % 4 {
                0 => drop(writing),
                // Given up while it is in line; it may be there.
                1 => drop(timeout(Duration::ZERO, writing.commit()).await),
                _ => writing.commit().await.unwrap(),
            }
        })
    });
    for written in join_all(writes).await {
        written.unwrap();
    }
    case.writer.close().await;
    let numbers = case.numbers().await;
    assert!(numbers.iter().all(|n| n % 4 != 0), "{numbers:?}");
    assert_eq!(numbers.iter().filter(|n| **n % 4 > 1).count(), 500);
}

#[tokio::test]
async fn what_is_in_line_is_stored_before_it_closes() {
    let case = Case::new().await;
    let mut first = case.begin().await;
    insert(&mut first, 1).await.unwrap();
    let first = tokio::spawn(first.commit());
    case.writer.close().await;
    first.await.unwrap().unwrap();
    assert!(matches!(case.writer.begin().await, Err(sqlx::Error::PoolClosed)));
    assert_eq!(case.numbers().await, [1]);
}
