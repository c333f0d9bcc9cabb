//! What is left by those who stop waiting for the database.

use crate::fixture::{NOW, ROOM, TestStore, cases};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::timeout;

cases! {
    who_stops_waiting_keeps_no_connection
}

async fn who_stops_waiting_keeps_no_connection(store: &TestStore) {
    const WRITERS: u64 = 32;
    const ROUNDS: u64 = 20;
    let app = store.app("demo").await.id;
    let writer = async |writer: u64| {
        let key = writer.to_be_bytes();
        let (mut stored, mut left) = (0, 0);
        for round in 0..ROUNDS {
            // Some leave while they wait for a connection, others within the transaction.
            let patience = Duration::from_micros((writer * ROUNDS + round) * 7_919 % 20_000);
            match timeout(patience, store.kv_incr(app, &key, 1, NOW, ROOM)).await {
                Ok(counted) => {
                    counted.unwrap().unwrap();
                    stored += 1;
                }
                Err(_) => left += 1,
            }
        }
        (key, stored, left)
    };
    let writers = join_all((0..WRITERS).map(writer)).await;
    assert!(writers.iter().any(|(_, _, left)| *left > 0), "nobody left");
    for (key, stored, left) in writers {
        // What was acknowledged is there, and nobody's addition is there twice.
        let count = store.kv_incr(app, &key, 0, NOW, ROOM).await.unwrap().unwrap();
        assert!((stored..=stored + left).contains(&count), "{stored} were stored and {left} left: {count}");
    }
}
