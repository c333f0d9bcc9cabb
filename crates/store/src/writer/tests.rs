//! Transactions in turn: what they share, and what they do not.

use super::*;
use futures_util::future::join_all;
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use tempfile::TempDir;
use tokio::task::JoinHandle;

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
        let numbers = "CREATE TABLE numbers (n INTEGER PRIMARY KEY, after INTEGER
            REFERENCES numbers DEFERRABLE INITIALLY DEFERRED)";
        table.execute(numbers).await.unwrap();
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

type Committing = JoinHandle<sqlx::Result<()>>;

/// One that has inserted 1 and stands in line to commit, and another that has joined it.
async fn two(case: &Case) -> (Committing, Writing) {
    let mut first = case.begin().await;
    insert(&mut first, 1).await.unwrap();
    let second = case.begins_next().await;
    let first = tokio::spawn(first.commit());
    let second = second.await;
    assert!(second.joins);
    (first, second)
}

/// Nothing is stored of those who failed, and whoever comes then begins anew.
async fn goes_on_from_nothing(case: &Case) {
    assert_eq!(case.numbers().await, [0_i64; 0]);
    let mut next = case.begin().await;
    assert!(!next.joins);
    insert(&mut next, 9).await.unwrap();
    next.commit().await.unwrap();
    assert_eq!(case.numbers().await, [9]);
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
    let (first, mut second) = two(&case).await;
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
    // A statement of it that nobody waits for any more, and that may be on its way still.
    tokio::select! {
        biased;
        inserted = insert(&mut second, 4) => drop(inserted.unwrap()),
        () = std::future::ready(()) => {}
    }
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
    let (first, mut second) = two(&case).await;
    // What SQLite does by itself where a disk is full.
    second.execute("ROLLBACK").await.unwrap();
    drop(second);
    assert!(first.await.unwrap().unwrap_err().to_string().contains("cannot commit"));
    goes_on_from_nothing(&case).await;
}

#[tokio::test]
async fn where_the_commit_fails_all_are_told_the_same() {
    let case = Case::new().await;
    let (first, mut second) = two(&case).await;
    // What it stands after is not there, which SQLite looks at when it commits.
    second.execute("INSERT INTO numbers (n, after) VALUES (2, 7)").await.unwrap();
    let second = tokio::spawn(second.commit());
    let errors = [first.await.unwrap(), second.await.unwrap()].map(|ended| ended.unwrap_err().to_string());
    assert!(errors[0].contains("FOREIGN KEY") && errors[0] == errors[1], "{errors:?}");
    goes_on_from_nothing(&case).await;
}

#[tokio::test]
async fn who_changes_nothing_is_told_when_what_it_read_is_stored() {
    let case = Case::new().await;
    let mut first = case.begin().await;
    insert(&mut first, 1).await.unwrap();
    let (second, third) = (case.begins_next().await, case.begins_next().await);
    let first = tokio::spawn(first.commit());
    let mut second = second.await;
    let read: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM numbers").fetch_one(&mut *second).await.unwrap();
    assert_eq!(read, 1);
    insert(&mut second, 2).await.unwrap();
    let second = tokio::spawn(second.leave());
    let third = third.await;
    assert_eq!(case.numbers().await, [0_i64; 0]);
    assert!(!first.is_finished() && !second.is_finished(), "told before it is stored");
    third.leave().await.unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(case.numbers().await, [1]);
    // Alone it has nobody to wait for.
    case.begin().await.leave().await.unwrap();
}

#[tokio::test]
async fn who_waits_no_more_takes_nobody_along() {
    let case = Case::new().await;
    let (first, mut second) = two(&case).await;
    insert(&mut second, 2).await.unwrap();
    let mut leaving = Box::pin(second.leave());
    tokio::select! {
        biased;
        left = &mut leaving => panic!("told before it is stored: {left:?}"),
        () = std::future::ready(()) => {}
    }
    drop(leaving);
    first.await.unwrap().unwrap();
    assert_eq!(case.numbers().await, [1]);
}

#[tokio::test]
async fn a_group_has_so_many_and_no_more() {
    let case = Case::new().await;
    let mut line = Vec::new();
    let mut begun = case.begin().await;
    for _ in 0..=GROUP_MOST {
        line.push(case.begins_next().await);
    }
    let mut committed = Vec::new();
    let mut n = 0;
    for next in line {
        insert(&mut begun, n).await.unwrap();
        committed.push(tokio::spawn(begun.commit()));
        begun = next.await;
        n += 1;
        assert_eq!(case.numbers().await.len(), if n < GROUP_MOST as i64 { 0 } else { GROUP_MOST });
    }
    begun.leave().await.unwrap();
    for one in join_all(committed).await {
        one.unwrap().unwrap();
    }
    assert_eq!(case.numbers().await.len(), GROUP_MOST + 1);
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
                1 => writing.leave().await.unwrap(),
                _ => writing.commit().await.unwrap(),
            }
        })
    });
    for written in join_all(writes).await {
        written.unwrap();
    }
    case.writer.close().await;
    let numbers = case.numbers().await;
    assert!(numbers.iter().all(|n| n % 4 > 1), "{numbers:?}");
    assert_eq!(numbers.len(), 500);
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
