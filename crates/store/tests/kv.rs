//! The apps' own data.

use crate::fixture::{NOW, ROOM, TestStore, cases, unknown};
use futures_util::future::join_all;
use picloud_store::{KvEntry, KvFull, KvRoom, KvValue, NotANumber, StoreError, TooMuch};
use std::collections::{BTreeMap, BTreeSet};

cases! {
    an_app_has_so_much_and_no_more
    what_is_there_is_counted_whatever_wrote_it
    racing_writers_are_all_counted
    any_bytes_are_a_key_and_a_value
    entries_end_at_their_time
    deleting_tells_whether_it_was_there
    counting_begins_at_zero
    racing_counts_add_up
    counting_keeps_the_time_to_end
    what_is_no_integer_is_not_counted
    compare_and_set_sees_the_exact_value
    racing_compare_and_set_has_one_winner
    keys_are_listed_by_their_bytes
    the_end_is_told_and_moved
    many_keys_are_read_together
    many_keys_are_written_together_or_not_at_all
    racing_writes_of_many_keys_leave_one_of_them
    entries_are_listed_with_their_values
    apps_do_not_share_keys
    an_unknown_app_gets_no_row
}

fn json(text: &str) -> KvValue {
    KvValue { json: true, data: text.into() }
}

fn blob(data: &[u8]) -> KvValue {
    KvValue { json: false, data: data.into() }
}

async fn any_bytes_are_a_key_and_a_value(store: &TestStore) {
    let app = store.app("demo").await.id;
    let keys: [&[u8]; 6] = [b"", b"\0", b"a\0b", b"\xff\xff", "ü".as_bytes(), &[b'k'; 512]];
    for (n, key) in keys.iter().enumerate() {
        let value = blob(&[0, 255, u8::try_from(n).unwrap()]);
        store.kv_set(app, key, json("1"), None, ROOM).await.unwrap().unwrap();
        store.kv_set(app, key, value.clone(), None, ROOM).await.unwrap().unwrap();
        assert_eq!(store.kv_get(app, key, NOW).await.unwrap(), Some(value));
    }
    assert_eq!(store.kv_get(app, b"a", NOW).await.unwrap(), None);
    let large = blob(&vec![0; 256 << 10]);
    store.kv_set(app, b"large", large.clone(), None, ROOM).await.unwrap().unwrap();
    assert_eq!(store.kv_get(app, b"large", NOW).await.unwrap(), Some(large));
    store.kv_set(app, b"empty", blob(b""), None, ROOM).await.unwrap().unwrap();
    assert_eq!(store.kv_get(app, b"empty", NOW).await.unwrap(), Some(blob(b"")));
}

async fn entries_end_at_their_time(store: &TestStore) {
    let app = store.app("demo").await.id;
    store.kv_set(app, b"k", json("1"), Some(NOW + 10), ROOM).await.unwrap().unwrap();
    assert_eq!(store.kv_get(app, b"k", NOW + 9).await.unwrap(), Some(json("1")));
    assert_eq!(store.kv_get(app, b"k", NOW + 10).await.unwrap(), None);
    assert_eq!(store.kv_list(app, b"", None, 10, NOW + 9).await.unwrap().len(), 1);
    assert!(store.kv_list(app, b"", None, 10, NOW + 10).await.unwrap().is_empty());
    store.kv_set(app, b"k", json("2"), None, ROOM).await.unwrap().unwrap();
    assert_eq!(store.kv_get(app, b"k", i64::MAX).await.unwrap(), Some(json("2")));
}

async fn deleting_tells_whether_it_was_there(store: &TestStore) {
    let app = store.app("demo").await.id;
    store.kv_set(app, b"k", json("1"), None, ROOM).await.unwrap().unwrap();
    assert!(store.kv_delete(app, b"k", NOW).await.unwrap());
    assert!(!store.kv_delete(app, b"k", NOW).await.unwrap());
    store.kv_set(app, b"k", json("1"), Some(NOW), ROOM).await.unwrap().unwrap();
    assert!(!store.kv_delete(app, b"k", NOW).await.unwrap());
    assert_eq!(store.number("SELECT COUNT(*) FROM kv").await, 0);
}

async fn counting_begins_at_zero(store: &TestStore) {
    let app = store.app("demo").await.id;
    assert_eq!(store.kv_incr(app, b"n", 5, NOW, ROOM).await.unwrap(), Ok(5));
    assert_eq!(store.kv_incr(app, b"n", -7, NOW, ROOM).await.unwrap(), Ok(-2));
    assert_eq!(store.kv_get(app, b"n", NOW).await.unwrap(), Some(json("-2")));
    assert_eq!(store.kv_incr(app, b"zero", 0, NOW, ROOM).await.unwrap(), Ok(0));
    assert_eq!(store.kv_get(app, b"zero", NOW).await.unwrap(), Some(json("0")));
}

async fn racing_counts_add_up(store: &TestStore) {
    let app = store.app("demo").await.id;
    let other = store.another().await;
    let counts = (1..=100).map(|n| {
        let store = if n % 2 == 0 { &store.store } else { &other };
        store.kv_incr(app, b"n", n, NOW, ROOM)
    });
    let mut sums: Vec<i64> = join_all(counts).await.into_iter().map(|sum| sum.unwrap().unwrap()).collect();
    sums.sort_unstable();
    sums.dedup();
    assert_eq!((sums.len(), sums.last()), (100, Some(&5050)));
    assert_eq!(store.kv_get(app, b"n", NOW).await.unwrap(), Some(json("5050")));
}

async fn counting_keeps_the_time_to_end(store: &TestStore) {
    let app = store.app("demo").await.id;
    store.kv_set(app, b"n", json("41"), Some(NOW + 10), ROOM).await.unwrap().unwrap();
    assert_eq!(store.kv_incr(app, b"n", 1, NOW, ROOM).await.unwrap(), Ok(42));
    assert_eq!(store.kv_get(app, b"n", NOW + 9).await.unwrap(), Some(json("42")));
    assert_eq!(store.kv_get(app, b"n", NOW + 10).await.unwrap(), None);
    // It counts from 0 again, and without an end.
    assert_eq!(store.kv_incr(app, b"n", 1, NOW + 10, ROOM).await.unwrap(), Ok(1));
    assert_eq!(store.kv_get(app, b"n", i64::MAX).await.unwrap(), Some(json("1")));
}

async fn what_is_no_integer_is_not_counted(store: &TestStore) {
    let app = store.app("demo").await.id;
    let no_integers = ["1.0", "1e3", "\"1\"", "[]", "", "9223372036854775808", "\0", "01", "null"].map(json);
    for value in no_integers.into_iter().chain([blob(b"1"), json(&i64::MAX.to_string())]) {
        store.kv_set(app, b"n", value.clone(), None, ROOM).await.unwrap().unwrap();
        assert_eq!(store.kv_incr(app, b"n", 1, NOW, ROOM).await.unwrap(), Err(NotANumber.into()), "{value:?}");
        assert_eq!(store.kv_get(app, b"n", NOW).await.unwrap(), Some(value));
    }
    store.kv_set(app, b"n", json("-9223372036854775807"), None, ROOM).await.unwrap().unwrap();
    assert_eq!(store.kv_incr(app, b"n", -1, NOW, ROOM).await.unwrap(), Ok(i64::MIN));
    assert_eq!(store.kv_incr(app, b"n", -1, NOW, ROOM).await.unwrap(), Err(NotANumber.into()));
}

async fn compare_and_set_sees_the_exact_value(store: &TestStore) {
    let app = store.app("demo").await.id;
    let set = async |expected: Option<KvValue>, value: KvValue, expires_at, now| {
        store.kv_compare_and_set(app, b"k", expected.as_ref(), (value, expires_at), now, ROOM).await.unwrap().unwrap()
    };
    assert!(!set(Some(json("1")), json("2"), None, NOW).await);
    assert!(set(None, json("1"), None, NOW).await);
    assert!(!set(None, json("2"), None, NOW).await);
    for wrong in [json("2"), json("1 "), blob(b"1"), json("")] {
        assert!(!set(Some(wrong), json("3"), None, NOW).await);
    }
    assert_eq!(store.kv_get(app, b"k", NOW).await.unwrap(), Some(json("1")));
    assert!(set(Some(json("1")), blob(b"\0\xff"), Some(NOW + 10), NOW).await);
    assert!(!set(Some(blob(b"\0\xff")), json("4"), None, NOW + 10).await);
    assert!(set(None, json("5"), None, NOW + 10).await);
    assert_eq!(store.kv_get(app, b"k", i64::MAX).await.unwrap(), Some(json("5")));
}

async fn racing_compare_and_set_has_one_winner(store: &TestStore) {
    let app = store.app("demo").await.id;
    let other = store.another().await;
    let mut expected = None;
    for round in 0..5 {
        let tries = (0..10).map(|n| {
            let (store, value) = (if n % 2 == 0 { &store.store } else { &other }, json(&format!("[{round},{n}]")));
            let expected = expected.as_ref();
            async move {
                store
                    .kv_compare_and_set(app, b"k", expected, (value.clone(), None), NOW, ROOM)
                    .await
                    .unwrap()
                    .unwrap()
                    .then_some(value)
            }
        });
        let winners: Vec<KvValue> = join_all(tries).await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        expected = winners.into_iter().next();
        assert_eq!(store.kv_get(app, b"k", NOW).await.unwrap(), expected);
    }
}

async fn keys_are_listed_by_their_bytes(store: &TestStore) {
    let app = store.app("demo").await.id;
    let mut keys: Vec<&[u8]> = vec![
        b"",
        b"\0",
        b"\0\0",
        b"A",
        b"a",
        b"a\0",
        b"a%",
        b"a_b",
        b"ab",
        b"a\xff",
        b"a\xff\xff",
        b"b",
        "ä".as_bytes(),
        "\u{10ffff}".as_bytes(),
        b"\xff",
        b"\xff\0",
        b"\xff\xff",
        b"\xff\xff\xff",
    ];
    for key in keys.iter().rev() {
        store.kv_set(app, key, json("1"), None, ROOM).await.unwrap().unwrap();
    }
    keys.sort_unstable();
    assert_eq!(store.kv_list(app, b"", None, 100, NOW).await.unwrap(), keys);
    for prefix in [&b"a"[..], b"a\xff", b"\xff", b"\xff\xff", b"\0", b"a%", b"zzz"] {
        let expected: Vec<&[u8]> = keys.iter().copied().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(store.kv_list(app, prefix, None, 100, NOW).await.unwrap(), expected, "{prefix:?}");
        let mut pages: Vec<Vec<u8>> = Vec::new();
        while let [key] = &store.kv_list(app, prefix, pages.last().map(Vec::as_slice), 1, NOW).await.unwrap()[..] {
            pages.push(key.clone());
        }
        assert_eq!(pages, expected, "{prefix:?}");
    }
    assert_eq!(store.kv_list(app, b"b", Some(b"a"), 100, NOW).await.unwrap(), [b"b"]);
    assert!(store.kv_list(app, b"a", Some(b"b"), 100, NOW).await.unwrap().is_empty());
    assert!(store.kv_list(app, b"", None, 0, NOW).await.unwrap().is_empty());
}

async fn the_end_is_told_and_moved(store: &TestStore) {
    let app = store.app("demo").await.id;
    store.kv_set(app, b"k", json("1"), Some(NOW + 10), ROOM).await.unwrap().unwrap();
    store.kv_set(app, b"ever", json("1"), None, ROOM).await.unwrap().unwrap();
    assert_eq!(store.kv_end(app, b"k", NOW).await.unwrap(), Some(Some(NOW + 10)));
    assert_eq!(store.kv_end(app, b"k", NOW + 10).await.unwrap(), None);
    assert_eq!(store.kv_end(app, b"ever", NOW).await.unwrap(), Some(None));
    assert_eq!(store.kv_end(app, b"none", NOW).await.unwrap(), None);
    assert!(store.kv_expire(app, b"k", NOW + 20, NOW + 9).await.unwrap());
    assert!(store.kv_expire(app, b"ever", NOW + 5, NOW).await.unwrap());
    assert_eq!(store.kv_end(app, b"k", NOW + 19).await.unwrap(), Some(Some(NOW + 20)));
    assert_eq!(store.kv_get(app, b"ever", NOW + 5).await.unwrap(), None);
    // What has ended does not come back.
    assert!(!store.kv_expire(app, b"k", NOW + 99, NOW + 20).await.unwrap());
    assert!(!store.kv_expire(app, b"none", NOW + 99, NOW).await.unwrap());
    assert_eq!(store.kv_get(app, b"k", NOW + 20).await.unwrap(), None);
}

fn entry(key: &[u8], value: KvValue) -> KvEntry {
    KvEntry { key: key.into(), value }
}

async fn many_keys_are_read_together(store: &TestStore) {
    let (app, other) = (store.app("demo").await.id, store.app("other").await.id);
    for (key, value) in [(&b"a"[..], json("1")), (b"\0", blob(b"")), (b"\xff", blob(b"\0\xff"))] {
        store.kv_set(app, key, value, None, ROOM).await.unwrap().unwrap();
    }
    store.kv_set(app, b"past", json("1"), Some(NOW), ROOM).await.unwrap().unwrap();
    store.kv_set(other, b"other", json("1"), None, ROOM).await.unwrap().unwrap();
    let get = async |keys: &[&[u8]], bytes| {
        let keys: BTreeSet<_> = keys.iter().copied().collect();
        store.kv_get_many(app, &keys, bytes, NOW).await.unwrap()
    };
    let found = get(&[b"\xff", b"none", b"a", b"\0", b"a", b"past", b"other"], 3).await;
    assert_eq!(found, Ok(vec![entry(b"\0", blob(b"")), entry(b"a", json("1")), entry(b"\xff", blob(b"\0\xff"))]));
    assert_eq!(get(&[b"\xff", b"a", b"\0"], 2).await, Err(TooMuch));
    assert_eq!(get(&[b"\xff"], 1).await, Err(TooMuch));
    assert_eq!(get(&[b"a", b"\0"], 1).await.unwrap().len(), 2);
    assert_eq!(get(&[], 0).await, Ok(vec![]));
    assert_eq!(get(&[b"none"], 0).await, Ok(vec![]));
}

async fn many_keys_are_written_together_or_not_at_all(store: &TestStore) {
    let app = store.app("demo").await.id;
    store.kv_set(app, b"k050", json("0"), None, ROOM).await.unwrap().unwrap();
    let keys: Vec<Vec<u8>> = (0..100).map(|n| format!("k{n:03}").into_bytes()).collect();
    let values = || keys.iter().map(|key| (key.as_slice(), json("1"))).collect::<BTreeMap<_, _>>();
    store.kv_set_many(app, values(), Some(NOW + 10), ROOM).await.unwrap().unwrap();
    assert_eq!(store.kv_list(app, b"", None, 1_000, NOW).await.unwrap(), keys);
    assert_eq!(store.kv_get(app, b"k050", NOW + 9).await.unwrap(), Some(json("1")));
    assert!(store.kv_list(app, b"", None, 1_000, NOW + 10).await.unwrap().is_empty());
    store.kv_set_many(app, values(), None, ROOM).await.unwrap().unwrap();
    assert_eq!(store.kv_list(app, b"", None, 1_000, i64::MAX).await.unwrap().len(), 100);
    store.kv_set_many(app, BTreeMap::new(), None, ROOM).await.unwrap().unwrap();
    // No app, no row.
    assert!(store.kv_set_many(unknown().0, values(), None, ROOM).await.is_err());
    assert_eq!(store.number("SELECT COUNT(*) FROM kv").await, 100);
}

async fn racing_writes_of_many_keys_leave_one_of_them(store: &TestStore) {
    let app = store.app("demo").await.id;
    let other = store.another().await;
    let keys: Vec<Vec<u8>> = (0..50).map(|n| format!("k{n:02}").into_bytes()).collect();
    let writes = (0..20).map(|n| {
        let (store, keys) = (if n % 2 == 0 { &store.store } else { &other }, &keys);
        let values = keys.iter().map(|key| (key.as_slice(), json(&n.to_string()))).collect();
        store.kv_set_many(app, values, None, ROOM)
    });
    for written in join_all(writes).await {
        written.unwrap().unwrap();
    }
    let keys: BTreeSet<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    let mut found: Vec<_> = store.kv_get_many(app, &keys, 1_000, NOW).await.unwrap().unwrap();
    assert_eq!(found.len(), 50);
    found.dedup_by(|one, other| one.value == other.value);
    assert_eq!(found.len(), 1, "{found:?}");
}

async fn entries_are_listed_with_their_values(store: &TestStore) {
    let app = store.app("demo").await.id;
    for n in 0..5 {
        store.kv_set(app, format!("a{n}").as_bytes(), blob(&[n; 10]), None, ROOM).await.unwrap().unwrap();
    }
    store.kv_set(app, b"a9", json("1"), Some(NOW), ROOM).await.unwrap().unwrap();
    store.kv_set(app, b"b", json("1"), None, ROOM).await.unwrap().unwrap();
    let list = async |after: Option<&[u8]>, limit, bytes| {
        let entries = store.kv_entries(app, b"a", after, limit, bytes, NOW).await.unwrap();
        entries
            .into_iter()
            .map(|entry| (String::from_utf8(entry.key).unwrap(), entry.value.data[0]))
            .collect::<Vec<_>>()
    };
    let expected = |numbers: std::ops::Range<u8>| numbers.map(|n| (format!("a{n}"), n)).collect::<Vec<_>>();
    assert_eq!(list(None, 100, 1_000).await, expected(0..5));
    assert_eq!(list(None, 2, 1_000).await, expected(0..2));
    assert_eq!(list(Some(b"a1"), 100, 1_000).await, expected(2..5));
    assert_eq!(list(None, 100, 39).await, expected(0..3));
    // One comes however large it is, or nobody would get past it.
    assert_eq!(list(Some(b"a1"), 100, 1).await, expected(2..3));
    assert_eq!(list(Some(b"a4"), 100, 1_000).await, []);
    assert_eq!(list(None, 0, 1_000).await, []);
}

async fn apps_do_not_share_keys(store: &TestStore) {
    let (one, two) = (store.app("one").await.id, store.app("two").await.id);
    store.kv_set(one, b"k", json("1"), None, ROOM).await.unwrap().unwrap();
    assert_eq!(store.kv_get(two, b"k", NOW).await.unwrap(), None);
    assert!(store.kv_list(two, b"", None, 10, NOW).await.unwrap().is_empty());
    assert!(!store.kv_delete(two, b"k", NOW).await.unwrap());
    assert_eq!(store.kv_incr(two, b"k", 1, NOW, ROOM).await.unwrap(), Ok(1));
    assert_eq!(store.kv_incr(one, b"k", 1, NOW, ROOM).await.unwrap(), Ok(2));
}

async fn an_unknown_app_gets_no_row(store: &TestStore) {
    let app = unknown().0;
    assert!(matches!(store.kv_set(app, b"k", json("1"), None, ROOM).await, Err(StoreError::Database(_))));
    assert!(matches!(store.kv_incr(app, b"k", 1, NOW, ROOM).await, Err(StoreError::Database(_))));
    assert!(store.kv_compare_and_set(app, b"k", None, (json("1"), None), NOW, ROOM).await.is_err());
    assert!(
        !store.kv_compare_and_set(app, b"k", Some(&json("0")), (json("1"), None), NOW, ROOM).await.unwrap().unwrap()
    );
    assert_eq!(store.number("SELECT COUNT(*) FROM kv").await, 0);
}

async fn an_app_has_so_much_and_no_more(store: &TestStore) {
    let (app, other) = (store.app("demo").await.id, store.app("other").await.id);
    // Keys of two bytes and values of eight.
    let room = KvRoom { bytes: 40, entries: 3 };
    let set =
        async |app, key: &[u8], size, room| store.kv_set(app, key, blob(&vec![0; size]), None, room).await.unwrap();
    for key in [b"k1", b"k2", b"k3"] {
        assert_eq!(set(app, key, 8, room).await, Ok(()));
    }
    assert_eq!(set(app, b"k4", 1, room).await, Err(KvFull), "too many entries");
    assert_eq!(set(app, b"k1", 19, room).await, Err(KvFull), "too many bytes");
    assert_eq!(set(app, b"k1", 18, room).await, Ok(()), "what was there does not count twice");
    assert_eq!(store.kv_get(app, b"k1", NOW).await.unwrap(), Some(blob(&[0; 18])));
    assert_eq!(set(other, b"k1", 38, room).await, Ok(()), "another app has its own");
    let full = KvRoom { bytes: 0, entries: 0 };
    assert_eq!(set(app, b"k1", 18, full).await, Ok(()), "what does not grow is written even past a lowered bound");
    assert_eq!((set(app, b"k1", 19, full).await, set(app, b"k9", 0, full).await), (Err(KvFull), Err(KvFull)));

    let swap = async |key: &[u8], expected: Option<KvValue>, size, room| {
        store.kv_compare_and_set(app, key, expected.as_ref(), (blob(&vec![0; size]), None), NOW, room).await.unwrap()
    };
    assert_eq!(swap(b"k4", None, 0, room).await, Err(KvFull));
    assert_eq!(swap(b"k1", None, 0, full).await, Ok(false), "it is there: room is not what it wants for");
    assert_eq!(swap(b"k2", Some(blob(&[0; 8])), 9, full).await, Err(KvFull));
    assert_eq!(swap(b"k2", Some(blob(&[1; 8])), 9, full).await, Ok(false));
    assert_eq!(swap(b"k2", Some(blob(&[0; 8])), 8, full).await, Ok(true));

    assert_eq!(store.kv_incr(app, b"n", 1, NOW, room).await.unwrap(), Err(KvFull.into()));
    let more = KvRoom { bytes: 1_000, entries: 4 };
    assert_eq!(store.kv_incr(app, b"n", 1, NOW, more).await.unwrap(), Ok(1));
    assert_eq!(store.kv_incr(app, b"n", 1, NOW, full).await.unwrap(), Ok(2), "a counter goes on");

    let many = async |keys: &[&'static [u8]], size, room| {
        let values = keys.iter().map(|key| (*key, blob(&vec![0; size]))).collect();
        store.kv_set_many(app, values, None, room).await.unwrap()
    };
    let before = store.number("SELECT CAST(SUM(LENGTH(data)) AS BIGINT) FROM kv").await;
    assert_eq!(many(&[b"k1", b"k5"], 1, KvRoom { entries: 4, ..more }).await, Err(KvFull), "all or nothing");
    assert_eq!(store.number("SELECT CAST(SUM(LENGTH(data)) AS BIGINT) FROM kv").await, before);
    assert_eq!(many(&[b"k1", b"k5"], 1, KvRoom { entries: 5, ..more }).await, Ok(()));
    assert_eq!(many(&[b"k1", b"k5"], 1, full).await, Ok(()));
    assert_eq!(many(&[b"k1", b"k5"], 500, more).await, Err(KvFull));
}

/// What the table `kv_usage` says, and what there is.
async fn counted(store: &TestStore) -> ([i64; 2], [i64; 2]) {
    let said = [
        store.number("SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM kv_usage").await,
        store.number("SELECT CAST(COALESCE(SUM(entries), 0) AS BIGINT) FROM kv_usage").await,
    ];
    let there = [
        store.number("SELECT CAST(COALESCE(SUM(LENGTH(key) + LENGTH(data)), 0) AS BIGINT) FROM kv").await,
        store.number("SELECT COUNT(*) FROM kv").await,
    ];
    (said, there)
}

async fn what_is_there_is_counted_whatever_wrote_it(store: &TestStore) {
    let app = store.app("demo").await.id;
    let check = async |what: &str| {
        let (said, there) = counted(store).await;
        assert_eq!(said, there, "{what}");
    };
    store.kv_set(app, b"a", blob(b"123"), None, ROOM).await.unwrap().unwrap();
    store.kv_set(app, b"a", blob(b"12345"), Some(NOW - 60_000), ROOM).await.unwrap().unwrap();
    store.kv_set(app, b"a", blob(b"1"), Some(NOW - 60_000), ROOM).await.unwrap().unwrap();
    check("set").await;
    store.kv_incr(app, b"a", 1_000, NOW, ROOM).await.unwrap().unwrap();
    store.kv_incr(app, b"n", -1_000, NOW, ROOM).await.unwrap().unwrap();
    check("counted up").await;
    assert!(store.kv_compare_and_set(app, b"c", None, (blob(b"x"), None), NOW, ROOM).await.unwrap().unwrap());
    assert!(
        store.kv_compare_and_set(app, b"c", Some(&blob(b"x")), (blob(b""), None), NOW, ROOM).await.unwrap().unwrap()
    );
    check("swapped").await;
    let values = [(&b"a"[..], blob(b"many")), (b"m", blob(b"many")), (b"mm", blob(b""))].into();
    store.kv_set_many(app, values, Some(NOW - 60_000), ROOM).await.unwrap().unwrap();
    check("set together").await;
    assert!(store.kv_delete(app, b"c", NOW).await.unwrap());
    store.kv_expire(app, b"n", NOW + 1, NOW).await.unwrap();
    check("deleted").await;
    while store.prune_expired(NOW).await.unwrap() {}
    check("removed").await;
    assert_eq!(store.app_usage(app).await.unwrap().kv_entries, 1);
    store.delete_app(app).await.unwrap();
    store.remove_all_gone().await;
    assert_eq!(counted(store).await, ([0, 0], [0, 0]));
    assert_eq!(store.number("SELECT COUNT(*) FROM kv_usage").await, 0);
}

async fn racing_writers_are_all_counted(store: &TestStore) {
    let app = store.app("demo").await.id;
    let other = store.another().await;
    let writes = (0..60_u8).map(|n| {
        let store = if n % 2 == 0 { &store.store } else { &other };
        async move {
            let value = blob(&vec![n; usize::from(n)]);
            store.kv_set(app, &[n % 7], value.clone(), None, ROOM).await.unwrap().unwrap();
            store
                .kv_set_many(app, [(&b"x"[..], value.clone()), (b"y", value)].into(), None, ROOM)
                .await
                .unwrap()
                .unwrap();
            store.kv_incr(app, b"n", i64::from(n), NOW, ROOM).await.unwrap().unwrap();
            store.kv_delete(app, &[n % 3], NOW).await.unwrap();
        }
    });
    join_all(writes).await;
    let (said, there) = counted(store).await;
    assert_eq!(said, there);
}
