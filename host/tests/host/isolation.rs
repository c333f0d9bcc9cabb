//! What one invocation writes is never seen by another: not in the slot that it ran in, and not in an instance that was
//! kept.

use crate::support::{InMemory, host_with, load, request};
use picloud_abi::invocation::{FailureCode, Outcome, Trigger};
use picloud_host::{Image, Settings};
use picloud_shared::limits::Limits;
use std::{
    future::{pending, ready},
    sync::Arc,
    time::Duration,
};

/// Leaves a mark wherever a script can: heap, strings, maps, stack (deep calls), functions, captured variables. Then it
/// ends in one of the ways there are.
const WRITER: &str = r#"
    let secret = "CANARY-7f3a"; let heap = []; for i in 0..30 { heap.push(secret + i); }
    let big = blob(30000, 0xAB); let map = #{}; for word in heap { map[word] = word; }
    fn deep(n, s) { if n == 0 { s } else { deep(n - 1, s + "CANARY") } }
    fn global_canary() { "CANARY" }
    let keep = || secret; let kept = deep(20, keep.call());
    switch req.query.way {
        "return" => kept.len(),
        "throw" => throw kept,
        "fuel" => loop {},
        "memory" => blob(1000000000),
        _ => kv::get(kept),
    }
"#;

/// Looks wherever a script can: undefined variables, fresh blobs and strings of the same sizes, the globals.
const READER: &str = r#"
    let found = [];
    let big = blob(30000); for i in range(0, 30000, 1000) { if big[i] != 0 { found.push(i); } }
    try { found.push(secret); } catch {}
    try { found.push(keep.call()); } catch {}
    try { found.push(global_canary()); } catch {}
    found.push(kv::get("canary"));
    found
"#;

/// The writer's app and the reader's take turns in a pool of one slot.
async fn alternate(new_instances: bool, rounds: usize) {
    let settings = Settings { slots: Some(1), new_instances, ..Settings::default() };
    let host = host_with(settings);
    let patient = Limits { fuel: 4_000_000, ..Limits::default() };
    let hasty = Limits { wall_time: Duration::from_millis(3), ..patient.clone() };
    let (writer, reader) = (load(&host, WRITER).await, load(&host, READER).await);
    let ways = ["return", "throw", "fuel", "memory", "timeout", "cancel"];
    let write = async |writer: &Arc<Image>, way: &str| {
        let mut request = request();
        request.query = vec![("way".into(), way.into())];
        let platform = InMemory { stall: Duration::from_secs(3600), ..InMemory::default() };
        let trigger = Trigger::Http(request);
        match way {
            "timeout" => host.invoke(writer, &trigger, platform, &hasty, pending()).await,
            "cancel" => host.invoke(writer, &trigger, platform, &patient, ready(())).await,
            _ => host.invoke(writer, &trigger, platform, &patient, pending()).await,
        }
        .unwrap()
        .outcome
    };
    let mut fuel = None;
    for round in 0..rounds {
        // Most return, after which an instance is kept; each of the others comes again and again.
        let way = if round % 20 == 0 { ways[round / 20 % ways.len()] } else { "return" };
        let code = match write(&writer, way).await {
            Outcome::Response(response) => {
                assert_eq!((response.body.as_slice(), way), (b"131".as_slice(), "return"), "round {round}");
                None
            }
            Outcome::Failure(failure) => Some(failure.code),
            other => panic!("{other:?}"),
        };
        let expected = match way {
            "return" => None,
            "throw" => Some(FailureCode::Error),
            "fuel" => Some(FailureCode::OutOfFuel),
            "memory" => Some(FailureCode::OutOfMemory),
            "timeout" => Some(FailureCode::Timeout),
            _ => Some(FailureCode::Cancelled),
        };
        assert_eq!(code, expected, "round {round}");
        let trigger = Trigger::Http(request());
        let read = host.invoke(&reader, &trigger, InMemory::default(), &Limits::default(), pending()).await.unwrap();
        let Outcome::Response(response) = &read.outcome else { panic!("{:?}", read.outcome) };
        assert_eq!(response.body, b"[null]", "round {round}");
        // The same fuel to the last unit: the reader did not even take another path.
        assert_eq!(*fuel.get_or_insert(read.fuel), read.fuel, "round {round}");
    }
    let (kept, new) = host.kept_and_new();
    assert!(new_instances || kept > new, "most ran in instances that had been kept: {kept}, {new} in new ones");
}

#[tokio::test]
async fn a_hundred_thousand_alternations_leave_no_trace() {
    alternate(false, 50_000).await;
}

#[tokio::test]
async fn alternations_in_new_instances_leave_no_trace() {
    alternate(true, 5_000).await;
}
