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
    let (mut begun, mut wrong) = (0, Vec::new());
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
                let Some(body) = BEGINNINGS.iter().find_map(|at| function.split_once(at)).map(|(_, body)| body) else {
                    continue;
                };
                begun += 1;
                let name = function.split('(').next().unwrap_or_default();
                // What it gives is the transaction.
                let body = if name == "begin" { body.replace("Ok(transaction)", "") } else { body.to_owned() };
                wrong.extend(early(&body).into_iter().map(|answer| format!("{}: {name}: {answer}", path.display())));
            }
        }
    }
    assert!(begun > 40, "only {begun} functions were found that begin a transaction");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const BEGINNINGS: [&str; 2] = [".begin().await?", "begin_if_audited().await?"];
const ENDS: [&str; 2] = [".commit(", ".unchanged("];

/// The answers of a function, from where it has begun a transaction to its end, that come before the transaction has ended.
fn early(body: &str) -> Vec<&str> {
    /// What stands between braces.
    struct Block<'a> {
        /// What stands before them, since the statement or arm began.
        head: &'a str,
        /// Whether the transaction has ended before, which each arm of a `match` begins with; and by now.
        before: bool,
        ended: bool,
    }
    let mut blocks = vec![Block { head: "", before: false, ended: false }];
    let (mut wrong, mut since) = (Vec::new(), 0);
    for (at, char) in body.char_indices() {
        let (read, rest) = body.split_at(at);
        let Some(block) = blocks.last_mut() else { break };
        if ENDS.iter().any(|end| rest.starts_with(end)) {
            block.ended = true;
        } else if rest.starts_with("=>") {
            // Where there is none, there is none to end.
            let is_none = block.head.contains("match transaction") && body[since..at].trim() == "None";
            block.ended = block.before || is_none;
        } else if rest.starts_with("Ok(") || rest.starts_with("Err(") {
            let begins = ["{", "}", ";", "=>", "return"].iter().any(|before| read.trim_end().ends_with(before));
            let line = rest.lines().next().unwrap_or_default();
            // A pattern otherwise, or what ends it itself.
            let is_early = !line.contains("=>") && !ENDS.iter().any(|end| line.contains(end));
            if begins && is_early && !block.ended {
                wrong.push(line);
            }
        }
        match char {
            '{' => {
                let (head, before) = (&body[since..at], block.ended);
                blocks.push(Block { head, before, ended: before });
                since = at + 1;
            }
            '}' => {
                let Some(Block { head, ended, .. }) = blocks.pop() else { break };
                // Once it is over there is none that has not ended.
                if let Some(block) =
                    blocks.last_mut().filter(|_| head.trim_start().starts_with("if let Some(transaction)"))
                {
                    block.ended |= ended;
                }
                since = at + 1;
            }
            ';' | ',' => since = at + 1,
            _ => {}
        }
    }
    wrong
}

#[test]
fn answers_that_come_too_early_are_seen() {
    let good = "if a { return transaction.unchanged(Ok(1)).await; }
        match b().await? { Ok(c) => { transaction.commit().await?; Ok(Ok(c)) } Err(e) => transaction.unchanged(Err(e)).await, } }";
    assert_eq!(early(good), [""; 0]);
    let audited =
        "if set == 1 { if let Some(transaction) = transaction { transaction.commit().await?; } return Ok(true); }
        if let Some(transaction) = transaction { transaction.unchanged(()).await?; }
        Ok(false) }";
    assert_eq!(early(audited), [""; 0]);
    let each = "match transaction {
            Some(transaction) if a => transaction.unchanged(Err(b)).await,
            None => Ok(c),
        } }";
    assert_eq!(early(each), [""; 0]);
    for source in [good, audited, each] {
        for (at, end) in source.match_indices("transaction.unchanged(") {
            let dropped = format!("{}{}", &source[..at], source[at..].replacen(end, "Ok(", 1));
            assert!(!early(&dropped).is_empty(), "{dropped}");
        }
    }
}
