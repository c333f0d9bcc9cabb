//! What was committed is told to the caches of this process, whoever waits for it.

use crate::fixture::{NOW, TestStore, cases};
use picloud_shared::{
    ids::{TokenId, UserId},
    names::VarName,
};
use std::time::{Duration, Instant};
use tokio::time::timeout;

cases! {
    a_change_is_told_though_nobody_waits_for_it
}

/// Changes are given up at every point of their way: those that are in the database moved the revision.
async fn a_change_is_told_though_nobody_waits_for_it(store: &TestStore) {
    let app = store.app("demo").await;
    let name: VarName = "A".parse().unwrap();
    let begin = Instant::now();
    store.set_var(app.id, &name, "before", NOW).await.unwrap().unwrap();
    let whole = begin.elapsed();
    let mut given_up = 0;
    for round in 0..150_u32 {
        let (before, value) = (store.revision(), round.to_string());
        let set = timeout(whole * 2 * round / 150, store.set_var(app.id, &name, &value, NOW)).await;
        given_up += u32::from(set.is_err());
        // Changes nothing, and comes after it where there is one writer.
        store.delete_token(UserId::new(), TokenId::new()).await.unwrap();
        let is_stored = store.vars(app.id).await.unwrap()[&name].value == value;
        let told = async {
            while store.revision() == before {
                tokio::task::yield_now().await;
            }
        };
        assert!(!is_stored || timeout(Duration::from_secs(5), told).await.is_ok(), "round {round} was not told");
    }
    assert!(given_up > 0, "none was given up");
}
