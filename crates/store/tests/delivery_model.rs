//! Publishers, workers, crashes and leases that end, interleaved at random and compared with a model: no event is lost,
//! none is acknowledged twice, no lease is given to two, and each key keeps its order.

use crate::{
    fixture::{TestStore, unknown},
    topics::{event, subscribed},
};
use picloud_shared::ids::{AppId, DeliveryId};
use picloud_store::{Claimed, NewApp, Settlement, Store};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::collections::{BTreeMap, BTreeSet};

/// Longer than any test takes.
const LEASE_MS: i64 = 600_000;
const WORKERS: usize = 3;
/// Each on an app of its own.
const CASES: u32 = 48;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// With one of a few keys, or none.
    Publish {
        key: Option<u8>,
    },
    Claim {
        worker: usize,
        limit: usize,
    },
    /// One of those that a worker has claimed.
    Settle {
        worker: usize,
        which: usize,
        how: How,
    },
    /// A worker forgets what it has claimed.
    Crash {
        worker: usize,
    },
    /// All leases end.
    TimePasses,
    Heartbeat {
        worker: usize,
    },
    Replay,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Done,
    Retry,
    NotBegun,
    Dead,
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop_oneof![4 => Just(How::Done), 2 => Just(How::Retry), 1 => Just(How::NotBegun), 1 => Just(How::Dead)];
    let worker = 0..WORKERS;
    prop_oneof![
        4 => prop::option::of(0..3_u8).prop_map(|key| Step::Publish { key }),
        4 => (worker.clone(), 1..4_usize).prop_map(|(worker, limit)| Step::Claim { worker, limit }),
        6 => (worker.clone(), 0..4_usize, how).prop_map(|(worker, which, how)| Step::Settle { worker, which, how }),
        1 => worker.clone().prop_map(|worker| Step::Crash { worker }),
        1 => Just(Step::TimePasses),
        1 => worker.prop_map(|worker| Step::Heartbeat { worker }),
        1 => Just(Step::Replay),
    ]
}

/// What must be so.
#[derive(Default)]
struct Model {
    /// What waits or runs with its key, in the order of its numbers.
    live: Vec<(DeliveryId, Option<u8>)>,
    dead: Vec<(DeliveryId, Option<u8>)>,
    /// The latest lease of each, while it is not settled.
    leases: BTreeMap<DeliveryId, Claimed>,
    /// Those of them whose time is over.
    lapsed: BTreeSet<DeliveryId>,
    /// What each worker has claimed and not settled, lost leases included.
    held: [Vec<Claimed>; WORKERS],
    published: BTreeSet<DeliveryId>,
    done: BTreeSet<DeliveryId>,
}

impl Model {
    fn claimable(&self) -> BTreeSet<DeliveryId> {
        let mut keys = BTreeSet::new();
        let first = |(_, key): &&(DeliveryId, Option<u8>)| key.is_none_or(|key| keys.insert(key));
        let free = |id: &DeliveryId| !self.leases.contains_key(id) || self.lapsed.contains(id);
        self.live.iter().filter(first).map(|(id, _)| *id).filter(free).collect()
    }

    fn leave(&mut self, id: DeliveryId) -> (DeliveryId, Option<u8>) {
        let at = self.live.iter().position(|(live, _)| *live == id).expect("only what waits or runs can leave");
        let left = self.live.remove(at);
        let overtook = left.1.is_some() && self.live[..at].iter().any(|(_, key)| *key == left.1);
        assert!(!overtook, "{id} left before one of its key that was published earlier");
        left
    }
}

struct World<'a> {
    store: &'a TestStore,
    workers: &'a [Store],
    app: AppId,
    model: Model,
}

impl World<'_> {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Publish { key } => {
                let text = key.map(|key| key.to_string());
                let ids = self.store.publish(self.app, event("t", text.as_deref(), "1")).await.unwrap().unwrap();
                let [id] = ids[..] else { panic!("one script is subscribed: {ids:?}") };
                self.model.live.push((id, key));
                self.model.published.insert(id);
            }
            Step::Claim { worker, limit } => self.claim(worker, limit).await,
            Step::Settle { worker, which, how } => {
                let held = self.model.held[worker].len();
                if held > 0 {
                    let claimed = self.model.held[worker].remove(which % held);
                    self.settle(worker, claimed, how).await;
                }
            }
            Step::Crash { worker } => self.model.held[worker].clear(),
            Step::TimePasses => {
                self.store.execute("UPDATE deliveries SET due_at = 0 WHERE leased").await;
                self.model.lapsed = self.model.leases.keys().copied().collect();
            }
            Step::Heartbeat { worker } => {
                let leases: Vec<_> = self.model.held[worker].iter().map(|claimed| claimed.lease.clone()).collect();
                self.workers[worker].extend_leases(&leases, LEASE_MS).await.unwrap();
                let current = |claimed: &&Claimed| self.model.leases.get(&claimed.lease.delivery) == Some(claimed);
                for claimed in self.model.held[worker].iter().filter(current) {
                    self.model.lapsed.remove(&claimed.lease.delivery);
                }
            }
            Step::Replay => {
                let replayed = self.store.replay(self.app, None, None).await.unwrap().unwrap();
                assert_eq!(replayed, self.model.dead.len() as u64);
                self.model.live.append(&mut self.model.dead);
            }
        }
    }

    async fn claim(&mut self, worker: usize, limit: usize) {
        let claimable = self.model.claimable();
        let claimed = self.workers[worker].claim_deliveries(self.app, limit, LEASE_MS).await.unwrap().claimed;
        assert_eq!(claimed.len(), limit.min(claimable.len()), "all that may be claimed can be");
        for claimed in claimed {
            let id = claimed.lease.delivery;
            assert!(claimable.contains(&id), "{id} was given to two, or before its turn");
            self.model.lapsed.remove(&id);
            self.model.leases.insert(id, claimed.clone());
            self.model.held[worker].push(claimed);
        }
    }

    async fn settle(&mut self, worker: usize, claimed: Claimed, how: How) {
        let id = claimed.lease.delivery;
        let settlement = match how {
            How::Done => Settlement::Done,
            How::Retry => Settlement::Retry { after_ms: 0 },
            How::NotBegun => Settlement::NotBegun { after_ms: 0 },
            How::Dead => Settlement::Dead { error: "no".to_owned(), begun: true },
        };
        let accepted = self.workers[worker].settle_delivery(&claimed.lease, settlement, &[]).await.unwrap();
        let current = self.model.leases.get(&id) == Some(&claimed);
        assert_eq!(accepted, current, "{id}: the latest lease alone settles, and once");
        if !accepted {
            return;
        }
        self.model.leases.remove(&id);
        self.model.lapsed.remove(&id);
        match how {
            How::Done => {
                self.model.leave(id);
                assert!(self.model.done.insert(id), "{id} was acknowledged twice");
            }
            How::Dead => {
                let left = self.model.leave(id);
                // Replayed in the order in which they were published last.
                self.model.dead.push(left);
            }
            How::Retry | How::NotBegun => {}
        }
    }

    /// Delivers what is left, and compares the whole.
    async fn end(mut self) {
        self.take(Step::TimePasses).await;
        self.take(Step::Replay).await;
        while !self.model.live.is_empty() {
            self.claim(0, usize::MAX).await;
            for claimed in std::mem::take(&mut self.model.held[0]) {
                self.settle(0, claimed, How::Done).await;
            }
        }
        assert_eq!(self.model.done, self.model.published);
        assert!(self.store.topics(self.app).await.unwrap().values().all(|topic| topic.waiting + topic.dead == 0));
    }
}

fn run(make: impl AsyncFn() -> TestStore) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (store, workers) = runtime.block_on(async {
        let store = make().await;
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            workers.push(store.another().await);
        }
        (store, workers)
    });
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let result = runner.run(&prop::collection::vec(step(), 1..80), |steps| {
        runtime.block_on(async {
            let id = unknown().0;
            let slug = format!("a{id}").parse().unwrap();
            let new = NewApp { id, slug, name: String::new(), debug: false, owner: None, now: 0 };
            store.create_app(new).await.unwrap().unwrap();
            store.put_script(id, subscribed("s", &["t"])).await.unwrap().unwrap();
            let mut world = World { store: &store, workers: &workers, app: id, model: Model::default() };
            for step in steps {
                world.take(step).await;
            }
            world.end().await;
        });
        Ok(())
    });
    result.unwrap();
}

#[test]
fn no_interleaving_loses_or_doubles_on_sqlite() {
    run(TestStore::sqlite);
}

#[test]
fn no_interleaving_loses_or_doubles_on_postgres() {
    run(TestStore::postgres);
}

/// Workers at the same moment, beside publishers: each delivery is settled by exactly one.
async fn race(store: TestStore) {
    const EVENTS: usize = 120;
    let app = store.app("race").await.id;
    store.put_script(app, subscribed("s", &["t"])).await.unwrap().unwrap();
    let publishers = (0..2).map(|publisher| {
        let store = store.store.clone();
        tokio::spawn(async move {
            let mut ids = Vec::new();
            for n in 0..EVENTS / 2 {
                let key = (n % 2 == 0).then(|| format!("{publisher}{}", n % 8));
                ids.extend(store.publish(app, event("t", key.as_deref(), &n.to_string())).await.unwrap().unwrap());
            }
            ids
        })
    });
    let publishers: Vec<_> = publishers.collect();
    let (settled, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        let (store, settled) = (store.another().await, settled.clone());
        workers.push(tokio::spawn(async move {
            while !settled.is_closed() {
                for claimed in store.claim_deliveries(app, 3, LEASE_MS).await.unwrap().claimed {
                    if store.settle_delivery(&claimed.lease, Settlement::Done, &[]).await.unwrap() {
                        let _ = settled.send((claimed.lease.delivery, claimed.payload));
                    }
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    let mut done = Vec::new();
    while done.len() < EVENTS {
        let next = tokio::time::timeout(std::time::Duration::from_secs(60), arrived.recv()).await;
        done.push(next.expect("no delivery is stuck").unwrap().0);
    }
    drop(arrived);
    for worker in workers {
        worker.await.unwrap();
    }
    let mut published = BTreeSet::new();
    for publisher in publishers {
        published.extend(publisher.await.unwrap());
    }
    assert_eq!(published.len(), EVENTS);
    assert_eq!(done.iter().copied().collect::<BTreeSet<_>>(), published);
    assert!(store.apps_with_deliveries().await.unwrap().apps.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_workers_share_on_sqlite() {
    race(TestStore::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_workers_share_on_postgres() {
    race(TestStore::postgres().await).await;
}
