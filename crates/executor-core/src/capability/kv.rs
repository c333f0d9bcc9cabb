//! `kv`: the app's key-value store, in the database.

use super::refuse;
use picloud_abi::{
    kv::{Answer, Encoding, Request, Value},
    seam::{Refusal, RefusalCode},
};
use picloud_shared::{
    ids::AppId,
    limits::{KV_KEY_BYTES, KV_VALUE_BYTES},
    time::TimestampMs,
};
use picloud_store::{KvValue, Store, StoreError};

/// Most keys that one `list` gives.
const LIST_KEYS: u32 = 1_000;

pub(crate) async fn answer(store: &Store, app: AppId, now: TimestampMs, request: Request) -> Result<Answer, Refusal> {
    match request {
        Request::Get(key) => {
            let value = store.kv_get(app, key_bytes(&key)?, now).await.map_err(unavailable)?;
            Ok(Answer::Value(value.map(to_contract)))
        }
        Request::Set(set) => {
            let expires_at = expiry(now, set.ttl_ms)?;
            store.kv_set(app, key_bytes(&set.key)?, to_store(set.value)?, expires_at).await.map_err(unavailable)?;
            Ok(Answer::Stored)
        }
        Request::Delete(key) => {
            let deleted = store.kv_delete(app, key_bytes(&key)?, now).await.map_err(unavailable)?;
            Ok(Answer::Deleted(deleted))
        }
        Request::Incr(incr) => {
            let number = store.kv_incr(app, key_bytes(&incr.key)?, incr.by, now).await.map_err(unavailable)?;
            number.map(Answer::Number).map_err(|_| {
                refuse(
                    RefusalCode::Invalid,
                    format!("{:?} does not hold a whole number that this can be added to", incr.key),
                )
            })
        }
        Request::CompareAndSet(swap) => {
            let expected = swap.expected.map(to_store).transpose()?;
            let value = to_store(swap.value)?;
            let expires_at = expiry(now, swap.ttl_ms)?;
            let swapped = store
                .kv_compare_and_set(app, key_bytes(&swap.key)?, expected.as_ref(), value, expires_at, now)
                .await
                .map_err(unavailable)?;
            Ok(Answer::Swapped(swapped))
        }
        Request::List(list) => {
            let (prefix, after) = (prefix_bytes(&list.prefix)?, list.after.as_deref().map(prefix_bytes).transpose()?);
            let keys = store.kv_list(app, prefix, after, list.limit.min(LIST_KEYS), now).await.map_err(unavailable)?;
            // Scripts write keys as text, so each is UTF-8.
            Ok(Answer::Keys(keys.into_iter().filter_map(|key| String::from_utf8(key).ok()).collect()))
        }
    }
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
    let Some(ttl_ms) = ttl_ms else { return Ok(None) };
    let expires_at = i64::try_from(ttl_ms).ok().and_then(|ttl| now.checked_add(ttl));
    expires_at.map(Some).ok_or_else(|| refuse(RefusalCode::Invalid, "the time to live ends after time itself"))
}

fn unavailable(error: StoreError) -> Refusal {
    tracing::error!(%error, "the key-value store failed");
    refuse(RefusalCode::Unavailable, "the key-value store cannot be reached now")
}
