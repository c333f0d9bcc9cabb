//! `kv`: the app's key-value store, in the database.

use super::refuse;
use picloud_abi::{
    kv::{Answer, Encoding, Entry, ListRequest, Request, SetManyRequest, Value},
    seam::{Refusal, RefusalCode},
};
use picloud_shared::{
    ids::AppId,
    limits::{KV_BATCH_BYTES, KV_BATCH_KEYS, KV_KEY_BYTES, KV_VALUE_BYTES, Limits},
    time::TimestampMs,
};
use picloud_store::{IncrRefused, KvEntry, KvFull, KvRoom, KvValue, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// Most keys that one `list` gives.
const LIST_KEYS: u32 = 1_000;
#[expect(clippy::cast_possible_truncation, reason = "a hundred")]
const BATCH_KEYS: u32 = KV_BATCH_KEYS as u32;
#[expect(clippy::cast_possible_wrap, reason = "a mebibyte")]
const BATCH_BYTES: i64 = KV_BATCH_BYTES as i64;

pub(crate) async fn answer(
    store: &Store,
    app: AppId,
    limits: &Limits,
    now: TimestampMs,
    request: Request,
) -> Result<Answer, Refusal> {
    let room = KvRoom { bytes: limits.kv_bytes, entries: limits.kv_entries };
    match request {
        Request::Get(key) => {
            let value = store.kv_get(app, key_bytes(&key)?, now).await.map_err(unavailable)?;
            Ok(Answer::Value(value.map(to_contract)))
        }
        Request::Set(set) => {
            let expires_at = expiry(now, set.ttl_ms)?;
            let (key, value) = (key_bytes(&set.key)?, to_store(set.value)?);
            let stored = store.kv_set(app, key, value, expires_at, room).await.map_err(unavailable)?;
            stored.map(|()| Answer::Stored).map_err(|KvFull| full(room))
        }
        Request::Delete(key) => {
            let deleted = store.kv_delete(app, key_bytes(&key)?, now).await.map_err(unavailable)?;
            Ok(Answer::Deleted(deleted))
        }
        Request::Incr(incr) => {
            let number = store.kv_incr(app, key_bytes(&incr.key)?, incr.by, now, room).await.map_err(unavailable)?;
            number.map(Answer::Number).map_err(|refused| match refused {
                IncrRefused::NotANumber(_) => refuse(
                    RefusalCode::Invalid,
                    format!("{:?} does not hold a whole number that this can be added to", incr.key),
                ),
                IncrRefused::Full(KvFull) => full(room),
            })
        }
        Request::CompareAndSet(swap) => {
            let expected = swap.expected.map(to_store).transpose()?;
            let value = to_store(swap.value)?;
            let expires_at = expiry(now, swap.ttl_ms)?;
            let swapped = store
                .kv_compare_and_set(app, key_bytes(&swap.key)?, expected.as_ref(), (value, expires_at), now, room)
                .await
                .map_err(unavailable)?;
            swapped.map(Answer::Swapped).map_err(|KvFull| full(room))
        }
        Request::List(list) => {
            let (prefix, after) = (prefix_bytes(&list.prefix)?, list.after.as_deref().map(prefix_bytes).transpose()?);
            let keys = store.kv_list(app, prefix, after, list.limit.min(LIST_KEYS), now).await.map_err(unavailable)?;
            Ok(Answer::Keys(keys.into_iter().filter_map(text).collect()))
        }
        Request::Ttl(key) => {
            let end = store.kv_end(app, key_bytes(&key)?, now).await.map_err(unavailable)?;
            Ok(Answer::Left(end.flatten().map(|end| end.saturating_sub(now).max(0).unsigned_abs())))
        }
        Request::Expire(expire) => {
            let end = end_of(now, expire.ttl_ms)?;
            let there = store.kv_expire(app, key_bytes(&expire.key)?, end, now).await.map_err(unavailable)?;
            Ok(Answer::Expires(there))
        }
        Request::GetMany(keys) => {
            at_most(keys.len())?;
            let keys = keys.iter().map(|key| key_bytes(key)).collect::<Result<BTreeSet<_>, _>>()?;
            let found = store.kv_get_many(app, &keys, BATCH_BYTES, now).await.map_err(unavailable)?;
            found.map(to_entries).map_err(|_| too_much("values"))
        }
        Request::SetMany(many) => set_many(store, app, room, now, many).await,
        Request::Entries(ListRequest { prefix, after, limit }) => {
            let (prefix, after) = (prefix_bytes(&prefix)?, after.as_deref().map(prefix_bytes).transpose()?);
            let limit = limit.min(BATCH_KEYS);
            store.kv_entries(app, prefix, after, limit, BATCH_BYTES, now).await.map(to_entries).map_err(unavailable)
        }
    }
}

async fn set_many(
    store: &Store,
    app: AppId,
    room: KvRoom,
    now: TimestampMs,
    many: SetManyRequest,
) -> Result<Answer, Refusal> {
    at_most(many.entries.len())?;
    if many.entries.iter().map(|entry| entry.key.len() + entry.value.data.len()).sum::<usize>() > KV_BATCH_BYTES {
        return Err(too_much("keys and values"));
    }
    let expires_at = expiry(now, many.ttl_ms)?;
    let mut values = BTreeMap::new();
    for Entry { key, value } in &many.entries {
        values.insert(key_bytes(key)?, to_store(value.clone())?);
    }
    let stored = store.kv_set_many(app, values, expires_at, room).await.map_err(unavailable)?;
    stored.map(|()| Answer::Stored).map_err(|KvFull| full(room))
}

fn at_most(keys: usize) -> Result<(), Refusal> {
    if keys > KV_BATCH_KEYS {
        return Err(refuse(RefusalCode::TooLarge, format!("one call takes at most {KV_BATCH_KEYS} keys, not {keys}")));
    }
    Ok(())
}

fn full(KvRoom { bytes, entries }: KvRoom) -> Refusal {
    let message = format!("the app's key-value store has at most {bytes} bytes and {entries} entries");
    refuse(RefusalCode::StorageFull, message)
}

fn too_much(what: &str) -> Refusal {
    refuse(RefusalCode::TooLarge, format!("the {what} of one call have at most {KV_BATCH_BYTES} bytes together"))
}

fn to_entries(entries: Vec<KvEntry>) -> Answer {
    let entry = |KvEntry { key, value }| Some(Entry { key: text(key)?, value: to_contract(value) });
    Answer::Entries(entries.into_iter().filter_map(entry).collect())
}

/// Scripts write keys as text, so each is UTF-8.
fn text(key: Vec<u8>) -> Option<String> {
    String::from_utf8(key).ok()
}

fn key_bytes(key: &str) -> Result<&[u8], Refusal> {
    if key.is_empty() {
        return Err(refuse(RefusalCode::Invalid, "a key is not empty"));
    }
    prefix_bytes(key)
}

fn prefix_bytes(key: &str) -> Result<&[u8], Refusal> {
    if key.len() > KV_KEY_BYTES {
        let message = format!("a key has at most {KV_KEY_BYTES} bytes, not {}", key.len());
        return Err(refuse(RefusalCode::TooLarge, message));
    }
    Ok(key.as_bytes())
}

fn to_store(Value { encoding, data }: Value) -> Result<KvValue, Refusal> {
    if data.len() > KV_VALUE_BYTES {
        let message = format!("a value has at most {KV_VALUE_BYTES} bytes, not {}", data.len());
        return Err(refuse(RefusalCode::TooLarge, message));
    }
    Ok(KvValue { json: encoding == Encoding::Json, data: data.into_vec() })
}

fn to_contract(KvValue { json, data }: KvValue) -> Value {
    Value { encoding: if json { Encoding::Json } else { Encoding::Bytes }, data: data.into() }
}

fn expiry(now: TimestampMs, ttl_ms: Option<u64>) -> Result<Option<TimestampMs>, Refusal> {
    ttl_ms.map(|ttl_ms| end_of(now, ttl_ms)).transpose()
}

fn end_of(now: TimestampMs, ttl_ms: u64) -> Result<TimestampMs, Refusal> {
    let end = i64::try_from(ttl_ms).ok().and_then(|ttl| now.checked_add(ttl));
    end.ok_or_else(|| refuse(RefusalCode::Invalid, "the time to live ends after time itself"))
}

fn unavailable(error: StoreError) -> Refusal {
    tracing::error!(%error, "the key-value store failed");
    refuse(RefusalCode::Unavailable, "the key-value store cannot be reached now")
}
