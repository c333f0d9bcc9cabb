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
    sync::Arc,
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard, watch},
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
    /// `None` after a failure that leaves unknown what it is in.
    connection: Option<SqliteConnection>,
    /// What is to be committed together, on that connection.
    group: Option<Group>,
    closed: bool,
}

#[derive(Debug)]
struct Group {
    members: usize,
    /// That it is committed, or why it is not.
    end: watch::Sender<Option<End>>,
}

type End = Result<(), Arc<str>>;

/// A transaction. What it did is undone when it is dropped; what others of its group did is not. It may have read what they did,
/// which is not stored yet: dropping it is for what fails, and whoever has an answer ends it by [`Writing::commit`] or
/// [`Writing::leave`].
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
        self.0.try_lock().map_or((1, 0), |turn| {
            let open = turn.connection.is_some();
            (open.into(), open.into())
        })
    }

    /// Waits for those who stand in line.
    pub(crate) async fn close(&self) {
        let mut turn = self.0.lock().await;
        turn.closed = true;
        turn.commit().await;
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

    /// Ends when it is stored, with all of its group. It must not be dropped on its way: others may be told of it.
    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        if self.joins {
            self.execute("RELEASE member").await?;
        }
        let Some(mut turn) = self.turn.take() else { return Err(sqlx::Error::WorkerCrashed) };
        let group = turn.group.get_or_insert_with(|| Group { members: 0, end: watch::Sender::new(None) });
        group.members += 1;
        let (full, end) = (group.members >= GROUP_MOST, group.end.subscribe());
        if full {
            turn.commit().await;
        } else {
            let (line, mut others) = (Arc::clone(OwnedMutexGuard::mutex(&turn)), end.clone());
            drop(turn);
            tokio::select! {
                biased;
                () = async { drop(others.wait_for(Option::is_some).await) } => {}
                mut turn = line.lock_owned() => {
                    // Another may have ended it just now.
                    if end.borrow().is_none() {
                        turn.commit().await;
                    }
                }
            }
        }
        ended(end).await
    }

    /// Ends it without a change, when what it may have read is stored.
    pub(crate) async fn leave(self) -> sqlx::Result<()> {
        let group = self.turn.as_ref().and_then(|turn| turn.group.as_ref());
        let end = group.map(|group| group.end.subscribe());
        // Undone by a task, which whoever gives up waiting does not break off.
        drop(self);
        match end {
            // Those who did it are in line to commit.
            Some(end) => ended(end).await,
            None => Ok(()),
        }
    }
}

/// How a group ended, once it has.
async fn ended(mut end: watch::Receiver<Option<End>>) -> sqlx::Result<()> {
    match end.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(Ok(()))) => Ok(()),
        Ok(Some(Err(why))) => Err(sqlx::Error::Io(io::Error::other(format!("cannot commit: {why}")))),
        Ok(None) | Err(_) => Err(sqlx::Error::WorkerCrashed),
    }
}

/// What is open: a connection, and the group on it.
type Open = (SqliteConnection, Option<Group>);

impl Turn {
    /// Whoever does something that leaves unknown what the connection is in has it meanwhile: where they come to nothing, it is
    /// closed, and its group has failed.
    fn take(&mut self) -> Option<Open> {
        let group = self.group.take();
        self.connection.take().map(|connection| (connection, group))
    }

    fn put(&mut self, (connection, group): Open) {
        (self.connection, self.group) = (Some(connection), group);
    }

    /// Ends the group, if there is one.
    async fn commit(&mut self) {
        match self.take() {
            Some((mut connection, Some(group))) => match sqlx::query("COMMIT").execute(&mut connection).await {
                Ok(_) => {
                    group.ends(Ok(()));
                    self.put((connection, None));
                }
                // It may have left anything.
                Err(error) => group.ends(Err(error.to_string().into())),
            },
            open => open.into_iter().for_each(|open| self.put(open)),
        }
    }
}

/// Takes back what one has done, who is the last so far.
async fn undo(open: Option<Open>, joins: bool) -> Option<Open> {
    let (mut connection, group) = open?;
    let statements: &[_] = if joins { &["ROLLBACK TO member", "RELEASE member"] } else { &["ROLLBACK"] };
    for statement in statements {
        if let Err(error) = sqlx::query(*statement).execute(&mut connection).await {
            // Where a write fails, as on a full disk, SQLite ends the whole transaction by itself.
            if let Some(group) = group {
                group.ends(Err(error.to_string().into()));
            }
            return None;
        }
    }
    Some((connection, group))
}

impl Group {
    fn ends(&self, end: End) {
        self.end.send_if_modified(|known| known.is_none() && known.replace(end).is_none());
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.ends(Err("it was given up".into()));
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let (Some(mut turn), joins) = (self.turn.take(), self.joins) else { return };
        let open = turn.take();
        // Where nothing runs any more it is closed, which undoes it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { undo(open, joins).await.into_iter().for_each(|open| turn.put(open)) });
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
