//! What was committed is told to the caches of this process, whoever waits for it.

use crate::fixture::{NOW, TestStore, cases};
use picloud_shared::{
    ids::{TokenId, UserId},
    names::VarName,
};
use std::{fs, path::Path, time::Duration};
use tokio::time::timeout;

cases! {
    a_change_is_told_though_nobody_waits_for_it
}

/// Changes are given up at every point of their way: those that are in the database moved the revision.
async fn a_change_is_told_though_nobody_waits_for_it(store: &TestStore) {
    let app = store.app("demo").await;
    let name: VarName = "A".parse().unwrap();
    store.set_var(app.id, &name, "before", NOW).await.unwrap().unwrap();
    let (mut given_up, mut patience) = (0, 1_u32);
    for round in 0..150_u32 {
        let (before, value) = (store.revision(), round.to_string());
        let is_set = tokio::select! {
            biased;
            set = store.set_var(app.id, &name, &value, NOW) => set.unwrap().is_ok(),
            () = turns(patience) => false,
        };
        given_up += u32::from(!is_set);
        // In small steps at first: from giving up at once to the some 10,000 turns in which most disks are done.
        patience += patience.div_ceil(20);
        // Changes nothing, and comes after it where there is one writer.
        store.delete_token(UserId::new(), TokenId::new()).await.unwrap();
        let is_stored = store.vars(app.id).await.unwrap()[&name].value == value;
        assert!(is_stored || !is_set, "round {round} is not there");
        let told = async {
            while store.revision() == before {
                tokio::task::yield_now().await;
            }
        };
        assert!(!is_stored || timeout(Duration::from_secs(60), told).await.is_ok(), "round {round} was not told");
    }
    assert!(given_up > 0, "none was given up");
}

/// Ends after so many turns of whatever polls it. Time would not do: it comes in milliseconds, and a change may take less.
async fn turns(turns: u32) {
    for _ in 1..turns {
        tokio::task::yield_now().await;
    }
}

/// Whoever has begun a transaction and has an answer ends it by `commit` or by `unchanged`: what it has read may not be stored yet.
#[test]
fn no_answer_leaves_its_transaction_to_be_dropped() {
    let mut wrong = Vec::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for function in source.split("async fn ").skip(1) {
                let begun =
                    [".begin().await?", "begin_if_audited().await?"].iter().find_map(|at| function.split_once(at));
                let before_commit = begun.map_or("", |(_, rest)| rest.split(".commit(").next().unwrap_or_default());
                if before_commit.contains("return Ok(") {
                    wrong.push(format!("{}: {}", path.display(), function.split('(').next().unwrap_or_default()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
