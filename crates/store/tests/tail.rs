//! Following logs: no line is missed and none comes twice, in whatever order invocations end.

use crate::{
    fixture::{NOW, TestStore, cases},
    invocations::invocation,
};
use futures_util::future::join_all;
use picloud_abi::log::Level;
use picloud_shared::{
    api::LogLevel,
    executor::LogLine,
    ids::{AppId, InvocationId},
};
use picloud_store::{LogPlace, NewInvocation, Script, Store, TailFilter};
use std::{collections::BTreeSet, time::Duration};

cases! {
    lines_come_in_the_order_in_which_they_were_recorded
    who_goes_on_at_a_line_gets_the_next
    only_what_is_looked_for_comes
    a_look_is_bounded
    nothing_is_missed_however_many_record
    who_follows_is_told_and_nobody_else
}

fn saying(app: AppId, script: &Script, words: &[&str]) -> NewInvocation {
    let line = |word: &&str| LogLine { at: NOW, level: Level::Info, message: (*word).to_owned(), fields: None };
    NewInvocation { logs: words.iter().map(line).collect(), ..invocation(app, script) }
}

/// All from a place on, and the last place.
async fn all(store: &Store, app: AppId, mut place: LogPlace, filter: &TailFilter) -> (Vec<String>, LogPlace) {
    let mut words = Vec::new();
    loop {
        let found = store.lines_after(app, place, filter).await.unwrap();
        words.extend(found.lines.into_iter().map(|(_, line)| line.message));
        place = found.place;
        if !found.more {
            return (words, place);
        }
    }
}

async fn lines_come_in_the_order_in_which_they_were_recorded(store: &TestStore) {
    let (app, other) = (store.app("demo").await.id, store.app("other").await.id);
    let (script, of_other) = (store.put(app, "s", "1").await, store.put(other, "s", "1").await);
    assert_eq!(store.end_of_logs(app).await.unwrap(), "0.9223372036854775807".parse().unwrap());
    let [early, late, last] = ["early", "late", "last"].map(|word| saying(app, &script, &[word, "."]));
    store.record_all(&[saying(app, &script, &["before"])]).await.unwrap();
    let place = store.end_of_logs(app).await.unwrap();
    // One that began before the other ends after it; one says nothing.
    store.record_all(&[late]).await.unwrap();
    store.record_all(&[early, saying(app, &script, &[]), saying(other, &of_other, &["foreign"])]).await.unwrap();
    let (words, place) = all(store, app, place, &TailFilter::default()).await;
    assert_eq!(words, ["late", ".", "early", "."]);
    assert_eq!(place, store.end_of_logs(app).await.unwrap());
    store.record_all(&[last]).await.unwrap();
    assert_eq!(all(store, app, place, &TailFilter::default()).await.0, ["last", "."]);
    assert_eq!(all(store, app, LogPlace::default(), &TailFilter::default()).await.0.len(), 7);
}

async fn who_goes_on_at_a_line_gets_the_next(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    store.record_all(&[saying(app, &script, &["a", "b", "c"]), saying(app, &script, &["d"])]).await.unwrap();
    let found = store.lines_after(app, LogPlace::default(), &TailFilter::default()).await.unwrap();
    for (n, (place, _)) in found.lines.iter().enumerate() {
        let again: LogPlace = place.to_string().parse().unwrap();
        assert_eq!(all(store, app, again, &TailFilter::default()).await.0, ["a", "b", "c", "d"][n + 1..]);
    }
    for bad in ["", "1", "1.", ".1", "-1.0", "1.-1", "1.2.3", "9223372036854775808.0", "x.y"] {
        assert!(bad.parse::<LogPlace>().is_err(), "{bad}");
    }
    let beyond = "9223372036854775807.9223372036854775807".parse().unwrap();
    assert!(all(store, app, beyond, &TailFilter::default()).await.0.is_empty());
}

async fn only_what_is_looked_for_comes(store: &TestStore) {
    let app = store.app("demo").await.id;
    let (a, b) = (store.put(app, "a", "1").await, store.put(app, "b", "1").await);
    let loud = LogLine { at: NOW, level: Level::Error, message: "loud".into(), fields: None };
    let batch = [
        saying(app, &a, &["a1", "a2"]),
        NewInvocation { logs: vec![loud], ..invocation(app, &b) },
        saying(app, &b, &["b1"]),
    ];
    store.record_all(&batch).await.unwrap();
    let find = async |filter: TailFilter| all(store, app, LogPlace::default(), &filter).await.0;
    assert_eq!(find(TailFilter { script: Some(b.name.clone()), ..Default::default() }).await, ["loud", "b1"]);
    assert_eq!(find(TailFilter { invocation: Some(batch[0].id), ..Default::default() }).await, ["a1", "a2"]);
    assert_eq!(find(TailFilter { level: Some(LogLevel::Warn), ..Default::default() }).await, ["loud"]);
    assert_eq!(find(TailFilter { text: Some("1".into()), ..Default::default() }).await, ["a1", "b1"]);
    let none = TailFilter { invocation: Some(InvocationId::new()), ..Default::default() };
    let (words, place) = all(store, app, LogPlace::default(), &none).await;
    assert_eq!((words.len(), place), (0, store.end_of_logs(app).await.unwrap()), "what does not match is passed");
}

async fn a_look_is_bounded(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    let large = "x".repeat(400_000);
    let many: Vec<_> = (0..5).map(|_| saying(app, &script, &[&large])).collect();
    store.record_all(&many).await.unwrap();
    let first = store.lines_after(app, LogPlace::default(), &TailFilter::default()).await.unwrap();
    assert_eq!((first.lines.len(), first.more), (2, true));
    assert_eq!(all(store, app, LogPlace::default(), &TailFilter::default()).await.0.len(), 5);
}

async fn nothing_is_missed_however_many_record(store: &TestStore) {
    let app = store.app("demo").await.id;
    let scripts = [store.put(app, "a", "1").await, store.put(app, "b", "1").await];
    let other = store.another().await;
    let batches: Vec<Vec<NewInvocation>> = (0..40_usize)
        .map(|n| {
            let word = |m| saying(app, &scripts[(n + m) % 2], &[&format!("{n}:{m}:0"), &format!("{n}:{m}:1")]);
            (0..5).map(word).collect()
        })
        .collect();
    let write = join_all(batches.iter().enumerate().map(|(n, batch)| {
        let store = if n % 2 == 0 { &store.store } else { &other };
        async move { store.record_all(batch).await.unwrap() }
    }));
    let read = async {
        let (mut words, mut place) = (Vec::new(), LogPlace::default());
        while words.len() < 400 {
            let (more, behind) = all(&other, app, place, &TailFilter::default()).await;
            words.extend(more);
            place = behind;
            tokio::task::yield_now().await;
        }
        words
    };
    let (_, words) = tokio::join!(write, tokio::time::timeout(Duration::from_secs(60), read));
    let words = words.expect("every line comes");
    assert_eq!(words.len(), 400);
    assert_eq!(BTreeSet::from_iter(&words).len(), 400, "and none comes twice");
}

async fn who_follows_is_told_and_nobody_else(store: &TestStore) {
    let (app, other) = (store.app("demo").await.id, store.app("other").await.id);
    let (script, of_other) = (store.put(app, "s", "1").await, store.put(other, "s", "1").await);
    let mut heard = store.hear_logs(app);
    let mut second = store.hear_logs(app);
    let is_told = async |heard: &mut picloud_store::LogsHeard| {
        tokio::time::timeout(Duration::from_millis(20), heard.heard()).await.is_ok()
    };
    store.record_all(&[saying(other, &of_other, &["x"]), saying(app, &script, &[])]).await.unwrap();
    assert!(!is_told(&mut heard).await);
    store.record_all(&[saying(app, &script, &["x"])]).await.unwrap();
    assert!(is_told(&mut heard).await && is_told(&mut second).await && !is_told(&mut heard).await);
    drop(heard);
    store.record_all(&[saying(app, &script, &["x"])]).await.unwrap();
    assert!(is_told(&mut second).await);
}
