//! What scripts do on purpose to bring PiCloud down. During and after every case the process lives, another app's
//! function answers correctly throughout, memory is back near its baseline, every slot is free, and whoever did it got a
//! clear error.

mod bodies;
mod cpu;
mod forwarded;
mod host_calls;
mod memory;
mod outbound;
mod pages;
mod parser;
mod requests;
mod sign_in;

use crate::support::{Backend, Setup, TestApp, error_of, until};
use picloud_shared::{
    api::UpdateApp,
    limit_rules::{LimitName, LimitValues},
    names::AppSlug,
};
use reqwest::header::RETRY_AFTER;
use serde_json::Value;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tokio::task::JoinHandle;

/// What may stay: at most 64 instances are kept, each with a few MiB; the allocator and the caches have the rest.
const MAY_STAY: u64 = 128 << 20;

/// A server with the app `bad`, and with the app `good`, whose function is asked all the while.
struct Case {
    picloud: Arc<TestApp>,
    bad: AppSlug,
    resident_before: u64,
    neighbour: Neighbour,
}

/// Who asks the healthy function, one request after the other.
struct Neighbour {
    task: JoinHandle<()>,
    answers: Arc<AtomicU64>,
    enough: Arc<AtomicBool>,
}

/// What the neighbour puts up with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Neighbourly {
    /// Every request is answered.
    Always,
    /// Some may be told to come back.
    OrLater,
}

impl Case {
    async fn start() -> Self {
        Self::on(Setup::new(Backend::Sqlite), Neighbourly::Always).await
    }

    async fn on(setup: Setup, neighbourly: Neighbourly) -> Self {
        let picloud = Arc::new(setup.start().await);
        let (bad, good) = (picloud.create_app("bad").await, picloud.create_app("good").await);
        picloud.put(&good, "ok", "`fine ${req.query.n}`", &[]).await;
        let neighbour = Neighbour::start(Arc::clone(&picloud), neighbourly);
        neighbour.answers_again().await;
        Self { resident_before: picloud.resident(), picloud, bad, neighbour }
    }

    async fn put(&self, name: &str, source: &str) {
        self.picloud.put(&self.bad, name, source, &[]).await;
    }

    async fn set<const N: usize>(&self, limits: [(LimitName, i64); N]) {
        let update =
            UpdateApp { limits: limits.map(|(name, value)| (name, Some(value))).into(), ..UpdateApp::default() };
        let app = self.picloud.client.update_app(&self.bad, &update).await.unwrap();
        assert_eq!(app.limits, LimitValues(limits.into()));
    }

    /// Asserts how a script of `bad` ends: status, code, and line.
    async fn fails(&self, name: &str, expected: (u16, &str, Option<u64>)) {
        let (status, code, error) = error_of(self.picloud.get(&format!("/bad/{name}")).await).await;
        let line = error.get("line").and_then(Value::as_u64);
        assert_eq!((status, code.as_str(), line), expected, "{name}: {error}");
    }

    /// So many requests at once; how each ended.
    async fn crowd(&self, paths: impl IntoIterator<Item = String>) -> Vec<(u16, String)> {
        let ask = |path: String| {
            let picloud = Arc::clone(&self.picloud);
            tokio::spawn(async move {
                let response = picloud.get(&path).await;
                let may_return = response.headers().contains_key(RETRY_AFTER);
                let (status, code, error) = error_of(response).await;
                assert_eq!(may_return, [429, 503].contains(&status), "{path}: {error}");
                if code == "out_of_fuel" {
                    assert_eq!(error["line"], 2, "{path}: {error}");
                }
                (status, code)
            })
        };
        let mut ended = Vec::new();
        for asked in paths.into_iter().map(ask).collect::<Vec<_>>() {
            ended.push(asked.await.unwrap());
        }
        ended
    }

    /// What has to hold after every case.
    async fn ends_well(self) {
        let Self { picloud, resident_before, neighbour, .. } = self;
        neighbour.answers_again().await;
        neighbour.enough.store(true, Ordering::Relaxed);
        neighbour.task.await.expect("the neighbour was content");
        until("every slot to be free", async || {
            let (slots, free) =
                (picloud.metric("picloud_pool_slots").await, picloud.metric("picloud_pool_slots_free").await);
            (slots == free && picloud.metric("picloud_invocations_waiting").await == 0).then_some(())
        })
        .await;
        let resident = picloud.resident();
        assert!(
            resident < resident_before + MAY_STAY,
            "resident memory went from {resident_before} to {resident} bytes"
        );
    }
}

impl Neighbour {
    fn start(picloud: Arc<TestApp>, neighbourly: Neighbourly) -> Self {
        let (answers, enough) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let task = tokio::spawn({
            let (answers, enough) = (Arc::clone(&answers), Arc::clone(&enough));
            async move {
                for n in 0_u64.. {
                    if enough.load(Ordering::Relaxed) {
                        break;
                    }
                    let response = picloud.get(&format!("/good/ok?n={n}")).await;
                    if neighbourly == Neighbourly::OrLater && response.status() == 503 {
                        assert!(response.headers().contains_key(RETRY_AFTER));
                        assert_eq!(error_of(response).await.1, "overloaded");
                        continue;
                    }
                    let status = response.status().as_u16();
                    assert_eq!((status, response.text().await.unwrap()), (200, format!("fine {n}")));
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Self { task, answers, enough }
    }

    /// Waits for an answer to a request that was sent after this was called.
    async fn answers_again(&self) {
        let before = self.answers.load(Ordering::Relaxed);
        until("the neighbour to be answered", async || {
            assert!(!self.task.is_finished(), "the neighbour was not content");
            (self.answers.load(Ordering::Relaxed) > before + 1).then_some(())
        })
        .await;
    }
}
