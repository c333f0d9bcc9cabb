//! Turns are never more than there are, never lost, and go round between apps, whoever leaves and whenever.

use super::*;
use proptest::prelude::*;
use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Weak,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::task::{JoinSet, yield_now};

/// However slow the machine, no test runs into it.
const PATIENTLY: Duration = Duration::from_secs(3_600);

fn free(turns: &Turns) -> usize {
    lock(&turns.0.state).free
}

/// Polls once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context))).await
}

#[derive(Clone, Copy, Debug)]
struct Step {
    app: usize,
    calls: usize,
    yields: usize,
    /// After so many polls its caller goes away.
    patience: Option<usize>,
}

fn step() -> impl Strategy<Value = Step> {
    let patience = prop_oneof![Just(None), (0..20_usize).prop_map(Some)];
    (0..5_usize, 0..4_usize, 0..4_usize, patience).prop_map(|(app, calls, yields, patience)| Step {
        app,
        calls,
        yields,
        patience,
    })
}

/// Sees who computes at the same time.
#[derive(Default)]
struct Computing {
    now: AtomicUsize,
    most: AtomicUsize,
    begun: Mutex<Vec<Weak<Held>>>,
}

impl Computing {
    async fn slices(&self, place: &Place, yields: usize) {
        for _ in 0..=yields {
            assert!(lock(&place.0.turn).is_some(), "who computes has a turn");
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            // Long enough for another thread to be seen.
            (0..200).for_each(|_| std::hint::spin_loop());
            self.now.fetch_sub(1, Ordering::SeqCst);
            yield_now().await;
        }
    }

    /// Turns that are held: true as long as no other thread moves one meanwhile.
    fn held(&self) -> usize {
        let begun = lock(&self.begun);
        begun.iter().filter_map(Weak::upgrade).filter(|held| lock(&held.turn).is_some()).count()
    }
}

async fn live(turns: Turns, app: AppId, step: Step, computing: Arc<Computing>, bound: usize) {
    let run = async {
        let place = turns.begin(app).await.unwrap();
        lock(&computing.begun).push(Arc::downgrade(&place.0));
        let called = place.clone();
        let script = async {
            for _ in 0..step.calls {
                computing.slices(&called, step.yields).await;
                called.without_turn(pin!(yield_now())).await;
            }
            computing.slices(&called, step.yields).await;
        };
        place.in_slices(pin!(script)).await;
    };
    let mut run = pin!(run);
    let mut polls = 0;
    poll_fn(|context| {
        polls += 1;
        assert!(computing.held() <= bound);
        if step.patience.is_some_and(|patience| polls > patience) {
            return Poll::Ready(());
        }
        run.as_mut().poll(context)
    })
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn none_is_lost_and_none_too_many(steps in prop::collection::vec(step(), 1..60), count in 1..4_usize, threads in any::<bool>()) {
        let runtime = if threads {
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
        } else {
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
        };
        let turns = Turns::bounded(count, WAITING, PATIENTLY);
        let computing = Arc::new(Computing::default());
        let apps: Vec<_> = (0..5).map(|_| AppId::new()).collect();
        runtime.block_on(async {
            let mut all = JoinSet::new();
            for step in steps {
                let bound = if threads { usize::MAX } else { count };
                all.spawn(live(turns.clone(), apps[step.app], step, Arc::clone(&computing), bound));
            }
            while let Some(ended) = all.join_next().await {
                ended.unwrap();
            }
        });
        prop_assert!(computing.most.load(Ordering::SeqCst) <= count);
        prop_assert_eq!(free(&turns), count);
        prop_assert_eq!(turns.waiting(), 0);
    }

    /// Every one who stays is served, in the order of an app's own, and no app twice while another waits.
    #[test]
    fn apps_go_round(waiting in prop::collection::vec((0..6_usize, any::<bool>(), any::<bool>()), 1..80)) {
        let apps: Vec<_> = (0..6).map(|_| AppId::new()).collect();
        let mut queues = Queues::default();
        let mut expected = HashMap::<usize, [Vec<usize>; 2]>::new();
        let mut leaving = Vec::new();
        for (number, &(app, goes_on, leaves)) in waiting.iter().enumerate() {
            let kind = if goes_on { Kind::Continue } else { Kind::Begin };
            let ticket = queues.push(apps[app], kind, number);
            if leaves {
                leaving.push((app, ticket, number));
            } else {
                expected.entry(app).or_default()[usize::from(!goes_on)].push(number);
            }
        }
        for (app, ticket, number) in leaving {
            prop_assert_eq!(queues.remove(apps[app], ticket), Some(number));
            prop_assert_eq!(queues.remove(apps[app], ticket), None);
        }
        let beginning: usize = expected.values().map(|[_, beginning]| beginning.len()).sum();
        prop_assert_eq!(queues.beginning(), beginning);
        let mut expected: HashMap<_, _> = expected.into_iter().map(|(app, kinds)| (app, kinds.concat())).collect();
        let mut since = HashMap::<usize, usize>::new();
        while let Some(number) = queues.pop() {
            let app = waiting[number].0;
            prop_assert_eq!(expected.get_mut(&app).map(|left| left.remove(0)), Some(number));
            expected.retain(|_, left| !left.is_empty());
            for other in expected.keys().filter(|&&other| other != app) {
                *since.entry(*other).or_default() += 1;
            }
            since.insert(app, 0);
            prop_assert!(since.values().all(|&others| others < apps.len()), "{since:?}");
            since.retain(|app, _| expected.contains_key(app));
        }
        prop_assert!(expected.is_empty());
        prop_assert_eq!(queues.beginning(), 0);
    }
}

#[tokio::test]
async fn who_leaves_is_not_counted_and_not_served() {
    let (turns, app) = (Turns::bounded(1, 10, PATIENTLY), AppId::new());
    let first = turns.begin(app).await.unwrap();
    let (mut second, mut third) = (Box::pin(turns.begin(app)), Box::pin(turns.begin(app)));
    assert!(poll_once(&mut second).await.is_pending() && poll_once(&mut third).await.is_pending());
    assert_eq!(turns.waiting(), 2);
    drop(second);
    assert_eq!(turns.waiting(), 1);
    drop(first);
    assert!(matches!(poll_once(&mut third).await, Poll::Ready(Ok(_))));

    // A turn that was granted to one who leaves before looking is not lost.
    let place = turns.begin(app).await.unwrap();
    let mut gone = Box::pin(turns.begin(app));
    assert!(poll_once(&mut gone).await.is_pending());
    drop(place);
    assert_eq!(free(&turns), 0);
    drop(gone);
    assert_eq!(free(&turns), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_to_begin_for_long() {
    let (turns, app) = (Turns::bounded(1, 10, WAITING_TIME), AppId::new());
    let place = turns.begin(app).await.unwrap();
    // The clock jumps to whatever is waited for.
    assert!(matches!(turns.begin(app).await, Err(ExecutorError::Overloaded)));
    assert_eq!(turns.waiting(), 0);
    drop(place);
    assert!(turns.begin(app).await.is_ok());
}

#[tokio::test]
async fn past_the_bound_the_greediest_loses() {
    let turns = Turns::bounded(1, 4, PATIENTLY);
    let (greedy, modest) = (AppId::new(), AppId::new());
    let place = turns.begin(greedy).await.unwrap();
    let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(turns.begin(greedy))).collect();
    for wait in &mut waiting {
        assert!(poll_once(wait).await.is_pending());
    }
    assert!(matches!(turns.begin(greedy).await, Err(ExecutorError::Overloaded)));
    let mut served = Box::pin(turns.begin(modest));
    assert!(poll_once(&mut served).await.is_pending());
    assert!(matches!(waiting.pop().unwrap().await, Err(ExecutorError::Overloaded)), "its newest");
    assert_eq!(turns.waiting(), 4);
    drop(place);
    let Poll::Ready(Ok(first)) = poll_once(&mut waiting[0]).await else { panic!("the oldest is next") };
    drop(first);
    assert!(poll_once(&mut served).await.is_ready(), "then the other app");
}

#[tokio::test]
async fn an_endless_computation_gives_way_to_other_apps_only() {
    let turns = Turns::bounded(1, 10, PATIENTLY);
    let (endless, other) = (AppId::new(), AppId::new());
    let place = turns.begin(endless).await.unwrap();
    let run = pin!(async {
        loop {
            yield_now().await;
        }
    });
    let mut computing = Box::pin(place.in_slices(run));
    let mut sibling = Box::pin(turns.begin(endless));
    for _ in 0..10 {
        assert!(poll_once(&mut sibling).await.is_pending(), "who has begun goes on");
        let ended: Poll<()> = poll_once(&mut computing).await;
        assert!(ended.is_pending());
    }
    let mut guest = Box::pin(turns.begin(other));
    assert!(poll_once(&mut guest).await.is_pending());
    assert!(poll_once(&mut computing).await.is_pending());
    let Poll::Ready(Ok(guest)) = poll_once(&mut guest).await else { panic!("the other app has its turn") };
    assert!(poll_once(&mut computing).await.is_pending());
    assert!(lock(&place.0.turn).is_none(), "while the other computes, this one does not");
    drop(guest);
    assert!(poll_once(&mut computing).await.is_pending());
    assert!(lock(&place.0.turn).is_some(), "and goes on afterwards");
    drop(computing);
    drop(place);
    assert!(poll_once(&mut sibling).await.is_ready());
}
