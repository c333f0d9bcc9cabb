//! SQLite's one writer. Transactions run one after the other on one connection, and share commits: who has done its work stands
//! in line once more, and whoever stood before it joins in. So the disk is waited for once for all who came while it was
//! waited for before, and who is alone waits for nobody. Nothing is told to be stored before it is.

#[cfg(test)]
mod tests;

use crate::open::ACQUIRE_TIMEOUT;
use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteQueryResult},
};
use std::{
    io,
    ops::{Deref, DerefMut},
    panic::resume_unwind,
    sync::{Arc, OnceLock},
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard},
    time::timeout,
};

/// Most transactions of one commit, so that the first does not wait for all that ever come.
const GROUP_MOST: usize = 64;

/// Who writes, one after the other, in the order in which they asked.
#[derive(Debug)]
pub(crate) struct Writer(Arc<Mutex<Turn>>);

#[derive(Debug)]
struct Turn {
    options: SqliteConnectOptions,
    /// `None` before the first, and after a failure that leaves unknown what it is in.
    connection: Option<SqliteConnection>,
    /// What is to be committed together, on that connection.
    group: Option<Group>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Group {
    members: usize,
    /// That it is committed, or why it is not.
    end: Arc<OnceLock<Result<(), String>>>,
}

/// A transaction. What it did is undone when it is dropped; what others of its group did is not.
#[derive(Debug)]
pub(crate) struct Writing {
    /// Taken when it ends.
    turn: Option<OwnedMutexGuard<Turn>>,
    /// Whether others have begun its group.
    joins: bool,
}

impl Writer {
    pub(crate) async fn open(options: SqliteConnectOptions) -> sqlx::Result<Self> {
        let connection = Some(options.connect().await?);
        Ok(Self(Arc::new(Mutex::new(Turn { options, connection, group: None, closed: false }))))
    }

    /// The only one that writes from here on.
    pub(crate) async fn begin(&self) -> sqlx::Result<Writing> {
        let turn = timeout(ACQUIRE_TIMEOUT, Arc::clone(&self.0).lock_owned()).await;
        let mut turn = turn.map_err(|_| sqlx::Error::PoolTimedOut)?;
        if turn.closed {
            return Err(sqlx::Error::PoolClosed);
        }
        if turn.connection.is_none() {
            turn.group = None;
            turn.connection = Some(turn.options.connect().await?);
        }
        let joins = turn.group.is_some();
        let mut writing = Writing { turn: Some(turn), joins };
        writing.execute(if joins { "SAVEPOINT member" } else { "BEGIN IMMEDIATE" }).await?;
        Ok(writing)
    }

    /// How many connections are open, and how many of them nobody uses.
    pub(crate) fn usage(&self) -> (u32, usize) {
        self.0.try_lock().map_or((1, 0), |turn| (turn.connection.is_some().into(), turn.connection.is_some().into()))
    }

    /// Waits for those who stand in line.
    pub(crate) async fn close(&self) {
        let mut turn = self.0.lock().await;
        turn.closed = true;
        if turn.group.is_some() {
            // Its members hear of it.
            let _ = turn.commit().await;
        }
        if let Some(connection) = turn.connection.take() {
            // What is committed is stored, however this ends.
            let _ = connection.close().await;
        }
    }
}

impl Writing {
    async fn execute(&mut self, statement: &'static str) -> sqlx::Result<SqliteQueryResult> {
        sqlx::query(statement).execute(&mut **self).await
    }

    /// Ends when it is stored, with all of its group. It is given up by nobody: who does not wait any more has it all the same.
    pub(crate) async fn commit(self) -> sqlx::Result<()> {
        match tokio::spawn(self.commit_with_others()).await {
            Ok(committed) => committed,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The process stops.
                Err(_) => Err(sqlx::Error::WorkerCrashed),
            },
        }
    }

    async fn commit_with_others(mut self) -> sqlx::Result<()> {
        if self.joins {
            self.execute("RELEASE member").await?;
        }
        let Some(mut turn) = self.turn.take() else { return Err(sqlx::Error::WorkerCrashed) };
        let group = turn.group.get_or_insert_default();
        group.members += 1;
        if group.members >= GROUP_MOST {
            return turn.commit().await;
        }
        let (end, line) = (Arc::clone(&group.end), Arc::clone(OwnedMutexGuard::mutex(&turn)));
        drop(turn);
        let mut turn = line.lock_owned().await;
        match end.get() {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => {
                Err(sqlx::Error::Io(io::Error::other(format!("a commit shared with others failed: {why}"))))
            }
            None => turn.commit().await,
        }
    }
}

impl Turn {
    /// Ends the group.
    async fn commit(&mut self) -> sqlx::Result<()> {
        let (Some(group), Some(mut connection)) = (self.group.take(), self.connection.take()) else {
            return Err(sqlx::Error::WorkerCrashed);
        };
        let committed = sqlx::query("COMMIT").execute(&mut connection).await;
        group.ends(committed.as_ref().map(|_| ()));
        // One that failed may have left anything.
        self.connection = committed.is_ok().then_some(connection);
        committed.map(|_| ())
    }

    /// Takes back what one has done, who is the last so far.
    async fn undo(&mut self, joins: bool) {
        let Some(mut connection) = self.connection.take() else { return };
        let statements: &[_] = if joins { &["ROLLBACK TO member", "RELEASE member"] } else { &["ROLLBACK"] };
        for statement in statements {
            if let Err(error) = sqlx::query(*statement).execute(&mut connection).await {
                // Where a write fails, as on a full disk, SQLite ends the whole transaction by itself.
                return self.group.take().into_iter().for_each(|group| group.ends(Err(&error)));
            }
        }
        self.connection = Some(connection);
    }
}

impl Group {
    fn ends(&self, end: Result<(), &sqlx::Error>) {
        // Once.
        let _ = self.end.set(end.map_err(ToString::to_string));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.ends(Err(&sqlx::Error::WorkerCrashed));
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let (Some(mut turn), joins) = (self.turn.take(), self.joins) else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move { turn.undo(joins).await })),
            // Closing undoes it, and all of its group.
            Err(_) => (turn.connection, turn.group) = (None, None),
        }
    }
}

impl Deref for Writing {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.turn.as_ref().and_then(|turn| turn.connection.as_ref()).expect("it has its turn until it ends")
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.turn.as_mut().and_then(|turn| turn.connection.as_mut()).expect("it has its turn until it ends")
    }
}
