//! Who waits for a turn, and who is next. Knows no turns, no time and no lock.

use picloud_shared::ids::AppId;
use std::collections::{HashMap, VecDeque};

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// To begin.
    Begin,
    /// To go on.
    Continue,
}

/// Names one who waits, until they are served or leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// All that wait, by app.
#[derive(Debug)]
pub(super) struct Queues<W> {
    apps: HashMap<AppId, Queue<W>>,
    /// The apps that have somebody waiting; the first one is served next.
    round: VecDeque<AppId>,
    beginning: usize,
    last_ticket: u64,
}

#[derive(Debug)]
struct Queue<W> {
    going_on: VecDeque<(Ticket, W)>,
    beginning: VecDeque<(Ticket, W)>,
}

impl<W> Default for Queues<W> {
    fn default() -> Self {
        Self { apps: HashMap::new(), round: VecDeque::new(), beginning: 0, last_ticket: 0 }
    }
}

impl<W> Queue<W> {
    const fn new() -> Self {
        Self { going_on: VecDeque::new(), beginning: VecDeque::new() }
    }

    fn is_empty(&self) -> bool {
        self.going_on.is_empty() && self.beginning.is_empty()
    }
}

impl<W> Queues<W> {
    /// How many wait to begin.
    pub(super) const fn beginning(&self) -> usize {
        self.beginning
    }

    pub(super) fn push(&mut self, app: AppId, kind: Kind, waiter: W) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let queue = self.apps.entry(app).or_insert_with(|| {
            self.round.push_back(app);
            Queue::new()
        });
        match kind {
            Kind::Begin => {
                self.beginning += 1;
                queue.beginning.push_back((ticket, waiter));
            }
            Kind::Continue => queue.going_on.push_back((ticket, waiter)),
        }
        ticket
    }

    /// Its app has just been served: all others that wait now come first.
    pub(super) fn put_last(&mut self, app: AppId) {
        if let Some(at) = self.round.iter().position(|&other| other == app) {
            self.round.remove(at);
            self.round.push_back(app);
        }
    }

    /// Whose turn it is.
    pub(super) fn pop(&mut self) -> Option<W> {
        let app = self.round.pop_front()?;
        let queue = self.apps.get_mut(&app)?;
        let next = queue.going_on.pop_front().or_else(|| {
            self.beginning -= 1;
            queue.beginning.pop_front()
        });
        if queue.is_empty() {
            self.apps.remove(&app);
        } else {
            self.round.push_back(app);
        }
        next.map(|(_, waiter)| waiter)
    }

    /// One leaves; nothing when they have been served, or shed.
    pub(super) fn remove(&mut self, app: AppId, ticket: Ticket) -> Option<W> {
        let queue = self.apps.get_mut(&app)?;
        let place = |waiting: &VecDeque<(Ticket, W)>| waiting.iter().position(|(other, _)| *other == ticket);
        let left = match place(&queue.going_on) {
            Some(at) => queue.going_on.remove(at),
            None => {
                let left = place(&queue.beginning).and_then(|at| queue.beginning.remove(at));
                self.beginning -= usize::from(left.is_some());
                left
            }
        };
        self.forget_if_empty(app);
        left.map(|(_, waiter)| waiter)
    }

    /// Makes room for one of `app` by taking the newest that waits to begin from the app that has most of them; nothing
    /// when that would be `app` itself.
    pub(super) fn shed(&mut self, app: AppId) -> Option<W> {
        let own = self.apps.get(&app).map_or(0, |queue| queue.beginning.len());
        let (&most, queue) = self.apps.iter_mut().max_by_key(|(_, queue)| queue.beginning.len())?;
        if queue.beginning.len() <= own + 1 {
            return None;
        }
        let (_, waiter) = queue.beginning.pop_back()?;
        self.beginning -= 1;
        self.forget_if_empty(most);
        Some(waiter)
    }

    /// Whether one of `app` that queued to go on would find somebody before it.
    pub(super) fn others_come_before(&self, app: AppId) -> bool {
        match self.apps.get(&app) {
            None => !self.apps.is_empty(),
            Some(own) => self.apps.len() > 1 || !own.going_on.is_empty(),
        }
    }

    fn forget_if_empty(&mut self, app: AppId) {
        if self.apps.get(&app).is_some_and(Queue::is_empty) {
            self.apps.remove(&app);
            self.round.retain(|other| *other != app);
        }
    }
}
