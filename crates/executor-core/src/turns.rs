//! Turns at the processor, shared fairly between apps. An invocation computes only while it holds one of a few turns: it
//! waits for its first, gives it up while a call of it waits, and passes it on after a slice of computing if others wait
//! that come before it. Apps are served one after the other, however many invocations each has. Within an app those that
//! have begun come before new ones, so that few hold an instance, and else whoever has waited longest.
//!
//! While turns are free, one costs a short lock: only who waits has a timer, and there is no task.
//!
//! Large files go through the same kind of turns, others than the processor's.

mod queues;
#[cfg(test)]
mod tests;

use picloud_shared::{executor::ExecutorError, ids::AppId};
use queues::{Kind, Queues, Ticket};
use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::sync::oneshot;

/// Turns for each core: while one invocation is being woken, or waits for a page of memory, another computes. More would
/// make each slower, and the front door with them, which shares the cores.
const TURNS_PER_CORE: usize = 2;
/// Invocations that may wait to begin, over all apps: some 40 MB of requests with small bodies. Past it the app that has
/// most of them loses its newest.
const WAITING: usize = 4_096;
/// How long an invocation may wait to begin: whoever asked for it has been told to expect an answer sooner, or no answer.
const WAITING_TIME: Duration = Duration::from_secs(1);

/// The turns of one node. Clones share them.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Bound of those that wait to begin, and of how long each does.
    waiting: usize,
    waiting_time: Duration,
}

struct State {
    /// More than none only while nobody waits.
    free: usize,
    queues: Queues<oneshot::Sender<Turn>>,
}

/// One turn; dropping it passes it on.
struct Turn(Arc<Shared>);

/// One invocation, from its first turn on; it holds one whenever it computes. Clones stand for the same invocation, and
/// the last one gives the turn back.
#[derive(Clone)]
pub(crate) struct Place(Arc<Held>);

struct Held {
    shared: Arc<Shared>,
    app: AppId,
    /// `None` while a call waits.
    turn: Mutex<Option<Turn>>,
}

impl Turns {
    /// As many as suit this machine, but no more than half of its slots: one app that computes on and on leaves the other
    /// half free for those whose turn comes between.
    pub(crate) fn new(slots: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::bounded((cores * TURNS_PER_CORE).min(slots / 2).max(1), WAITING, WAITING_TIME)
    }

    /// So many of them, of which so many may be waited for, each for so long.
    pub(crate) fn bounded(turns: usize, waiting: usize, waiting_time: Duration) -> Self {
        let state = Mutex::new(State { free: turns, queues: Queues::default() });
        Self(Arc::new(Shared { state, waiting, waiting_time }))
    }

    /// Waits until an invocation of this app may begin.
    ///
    /// # Errors
    /// [`ExecutorError::Overloaded`] when it would wait for too long.
    pub(crate) async fn begin(&self, app: AppId) -> Result<Place, ExecutorError> {
        let turn = match self.0.begin(app)? {
            Taken::Turn(turn) => turn,
            Taken::Waiting(waiting) => {
                let waited = tokio::time::timeout(self.0.waiting_time, waiting).await;
                waited.ok().flatten().ok_or(ExecutorError::Overloaded)?
            }
        };
        Ok(Place(Arc::new(Held { shared: Arc::clone(&self.0), app, turn: Mutex::new(Some(turn)) })))
    }

    /// Invocations that wait to begin.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.0.state).queues.beginning()
    }
}

enum Taken {
    Turn(Turn),
    Waiting(Waiting),
}

impl Shared {
    fn begin(self: &Arc<Self>, app: AppId) -> Result<Taken, ExecutorError> {
        let mut state = lock(&self.state);
        // Who is shed learns of it as its sender is dropped.
        if state.free == 0 && state.queues.beginning() >= self.waiting && state.queues.shed(app).is_none() {
            return Err(ExecutorError::Overloaded);
        }
        Ok(self.take(&mut state, app, Kind::Begin))
    }

    fn take(self: &Arc<Self>, state: &mut State, app: AppId, kind: Kind) -> Taken {
        match state.free.checked_sub(1) {
            Some(left) => {
                state.free = left;
                Taken::Turn(Turn(Arc::clone(self)))
            }
            None => Taken::Waiting(self.queue(state, app, kind)),
        }
    }

    fn queue(self: &Arc<Self>, state: &mut State, app: AppId, kind: Kind) -> Waiting {
        let (grant, granted) = oneshot::channel();
        let ticket = state.queues.push(app, kind, grant);
        Waiting { shared: Arc::clone(self), app, ticket, granted, served: false }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        let Some(next) = state.queues.pop() else {
            state.free += 1;
            return;
        };
        drop(state);
        // Whoever leaves in this very moment drops the turn, which passes it on again.
        let _ = next.send(Self(Arc::clone(&self.0)));
    }
}

/// Becomes a turn, or nothing for whoever is shed. Dropped before that, it leaves the queue.
struct Waiting {
    shared: Arc<Shared>,
    app: AppId,
    ticket: Ticket,
    granted: oneshot::Receiver<Turn>,
    served: bool,
}

impl Future for Waiting {
    type Output = Option<Turn>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Turn>> {
        let turn = ready!(Pin::new(&mut self.granted).poll(context));
        self.served = true;
        Poll::Ready(turn.ok())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.served {
            lock(&self.shared.state).queues.remove(self.app, self.ticket);
        }
    }
}

impl Place {
    /// Gives the turn up until this is done, and waits for another one then. The call is pinned where its caller has it: a future
    /// that is given by value takes its room twice.
    pub(crate) async fn without_turn<T>(&self, call: Pin<&mut impl Future<Output = T>>) -> T {
        drop(lock(&self.0.turn).take());
        let result = call.await;
        let taken = {
            let mut state = lock(&self.0.shared.state);
            self.0.shared.take(&mut state, self.0.app, Kind::Continue)
        };
        let turn = match taken {
            Taken::Turn(turn) => Some(turn),
            Taken::Waiting(waiting) => waiting.await,
        };
        *lock(&self.0.turn) = turn;
        result
    }

    /// Runs an invocation, which is held up whenever it yields while others come before it.
    pub(crate) async fn in_slices<T>(&self, mut run: Pin<&mut impl Future<Output = T>>) -> T {
        let mut waiting: Option<Waiting> = None;
        poll_fn(|context| {
            if let Some(wait) = &mut waiting {
                let turn = ready!(Pin::new(wait).poll(context));
                waiting = None;
                *lock(&self.0.turn) = turn;
            }
            let polled = run.as_mut().poll(context);
            if polled.is_pending() {
                waiting = self.give_way();
                if waiting.is_some() {
                    // Polled again at once, it says whom to wake.
                    context.waker().wake_by_ref();
                }
            }
            polled
        })
        .await
    }

    /// Passes the turn on, if others come before this invocation, and queues for the next. One that has none waits for a
    /// call, not for a turn.
    fn give_way(&self) -> Option<Waiting> {
        let Held { shared, app, turn } = &*self.0;
        let mut held = lock(turn);
        let waiting = {
            let mut state = lock(&shared.state);
            let gives = held.is_some() && state.queues.others_come_before(*app);
            gives.then(|| {
                let waiting = shared.queue(&mut state, *app, Kind::Continue);
                state.queues.put_last(*app);
                waiting
            })
        };
        if waiting.is_some() {
            *held = None;
        }
        waiting
    }
}

/// What is locked here is right even if some thread panicked meanwhile.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
