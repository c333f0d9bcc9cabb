//! What one invocation writes is never seen by another.

use crate::support::{InMemory, host, program, request};
use picloud_abi::invocation::{Outcome, Trigger};
use picloud_shared::limits::Limits;
use std::future::pending;

/// Leaves a mark wherever a script can: heap, strings, maps, stack (deep calls), functions, captured variables.
const WRITER: &str = r#"
    let secret = "CANARY-7f3a"; let heap = []; for i in 0..300 { heap.push(secret + i); }
    let big = blob(300000, 0xAB); let map = #{}; for word in heap { map[word] = word; }
    fn deep(n, s) { if n == 0 { s } else { deep(n - 1, s + "CANARY") } }
    fn global_canary() { "CANARY" }
    let keep = || secret; let kept = deep(40, keep.call()); throw kept.len();
"#;

/// Looks wherever a script can: undefined variables, fresh blobs and strings of the same sizes, the globals.
const READER: &str = r#"
    let found = [];
    let big = blob(300000); for i in range(0, 300000, 1000) { if big[i] != 0 { found.push(i); } }
    try { found.push(secret); } catch {}
    try { found.push(keep.call()); } catch {}
    try { found.push(global_canary()); } catch {}
    found.push(kv::get("canary"));
    found
"#;

#[tokio::test]
async fn ten_thousand_alternations_leave_no_trace() {
    let limits = Limits { fuel: 40_000_000, ..Limits::default() };
    let (writer, reader, trigger) = (program(WRITER), program(READER), Trigger::Http(request()));
    let mut fuel = None;
    for round in 0..5_000 {
        let wrote = host().invoke(&writer, &trigger, InMemory::default(), &limits, pending()).await.unwrap();
        let Outcome::Failure(failure) = &wrote.outcome else { panic!("{:?}", wrote.outcome) };
        assert_eq!(failure.message, "251", "the writer came to its end");
        let read = host().invoke(&reader, &trigger, InMemory::default(), &limits, pending()).await.unwrap();
        let Outcome::Response(response) = &read.outcome else { panic!("{:?}", read.outcome) };
        assert_eq!(response.body, b"[null]", "round {round}");
        // The same fuel to the last unit: the reader did not even take another path.
        assert_eq!(*fuel.get_or_insert(read.fuel), read.fuel, "round {round}");
    }
}
