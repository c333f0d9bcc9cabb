//! `kv`: the app's key-value store. Any value that JSON can hold, or a blob.

use super::{Result, at, call, unexpected};
use picloud_abi::{
    kv::{Answer, CompareAndSetRequest, Encoding, IncrRequest, ListRequest, Request, SetRequest, Value},
    seam,
};
use rhai::{Array, Blob, plugin::*};

/// Keys that `list` gives at most, when not told otherwise.
const LIST_LIMIT: i64 = 100;

fn ask(request: Request) -> Result<Answer> {
    match call(&seam::Request::Kv(request))? {
        seam::Answer::Kv(answer) => Ok(answer),
        _ => unexpected(),
    }
}

fn encode(value: Dynamic) -> Result<Value> {
    match value.try_cast_result::<Blob>() {
        Ok(data) => Ok(Value { encoding: Encoding::Bytes, data: data.into() }),
        Err(value) => Ok(Value { encoding: Encoding::Json, data: crate::json::stringify(&value)?.into_bytes().into() }),
    }
}

fn decode(value: Value) -> Result<Dynamic> {
    match value.encoding {
        Encoding::Bytes => Ok(Dynamic::from_blob(value.data.into_vec())),
        Encoding::Json => match std::str::from_utf8(&value.data) {
            Ok(text) => crate::json::parse(text),
            Err(_) => unexpected(),
        },
    }
}

fn set_for(key: &str, value: Dynamic, ttl_ms: Option<u64>) -> Result<()> {
    match ask(Request::Set(SetRequest { key: key.into(), value: encode(value)?, ttl_ms }))? {
        Answer::Stored => Ok(()),
        _ => unexpected(),
    }
}

fn milliseconds(seconds: i64) -> Result<u64> {
    u64::try_from(seconds)
        .ok()
        .filter(|&seconds| seconds > 0)
        .and_then(|seconds| seconds.checked_mul(1_000))
        .ok_or_else(|| format!("a time to live is a positive number of seconds, not {seconds}").into())
}

fn incr_for(key: &str, by: i64) -> Result<i64> {
    match ask(Request::Incr(IncrRequest { key: key.into(), by }))? {
        Answer::Number(number) => Ok(number),
        _ => unexpected(),
    }
}

fn list_keys(prefix: &str, after: &str, limit: i64) -> Result<Array> {
    let limit = u32::try_from(limit).map_err(|_| format!("cannot list {limit} keys"))?;
    let after = (!after.is_empty()).then(|| after.to_owned());
    match ask(Request::List(ListRequest { prefix: prefix.into(), after, limit }))? {
        Answer::Keys(keys) => Ok(keys.into_iter().map(Dynamic::from).collect()),
        _ => unexpected(),
    }
}

#[export_module]
pub mod kv {
    /// The value of a key, or `()`.
    #[rhai_fn(return_raw)]
    pub fn get(context: NativeCallContext, key: &str) -> Result<Dynamic> {
        at(&context, || match ask(Request::Get(key.into()))? {
            Answer::Value(value) => value.map_or(Ok(Dynamic::UNIT), decode),
            _ => unexpected(),
        })
    }

    /// Stores a value for ever.
    #[rhai_fn(return_raw)]
    pub fn set(context: NativeCallContext, key: &str, value: Dynamic) -> Result<()> {
        at(&context, || set_for(key, value, None))
    }

    /// Stores a value for so many seconds.
    #[rhai_fn(name = "set", return_raw)]
    pub fn set_with_ttl(context: NativeCallContext, key: &str, value: Dynamic, seconds: i64) -> Result<()> {
        at(&context, || set_for(key, value, Some(milliseconds(seconds)?)))
    }

    /// Removes a key; says whether it was there.
    #[rhai_fn(return_raw)]
    pub fn delete(context: NativeCallContext, key: &str) -> Result<bool> {
        at(&context, || match ask(Request::Delete(key.into()))? {
            Answer::Deleted(deleted) => Ok(deleted),
            _ => unexpected(),
        })
    }

    /// Adds 1 to a whole number, which begins at 0, and gives the new one. No call in between is lost.
    #[rhai_fn(return_raw)]
    pub fn incr(context: NativeCallContext, key: &str) -> Result<i64> {
        at(&context, || incr_for(key, 1))
    }

    /// Adds to a whole number, which begins at 0, and gives the new one.
    #[rhai_fn(name = "incr", return_raw)]
    pub fn incr_by(context: NativeCallContext, key: &str, by: i64) -> Result<i64> {
        at(&context, || incr_for(key, by))
    }

    /// Stores `value` only if the key holds `expected` now (`()`: only if it is not there); says whether it did.
    #[rhai_fn(return_raw)]
    pub fn compare_and_set(context: NativeCallContext, key: &str, expected: Dynamic, value: Dynamic) -> Result<bool> {
        at(&context, || {
            let expected = if expected.is_unit() { None } else { Some(encode(expected)?) };
            let request = CompareAndSetRequest { key: key.into(), expected, value: encode(value)?, ttl_ms: None };
            match ask(Request::CompareAndSet(request))? {
                Answer::Swapped(swapped) => Ok(swapped),
                _ => unexpected(),
            }
        })
    }

    /// The first 100 keys that start with `prefix`, in byte order.
    #[rhai_fn(return_raw)]
    pub fn list(context: NativeCallContext, prefix: &str) -> Result<Array> {
        at(&context, || list_keys(prefix, "", LIST_LIMIT))
    }

    /// The first `limit` keys that start with `prefix` and come after `after`, in byte order.
    #[rhai_fn(name = "list", return_raw)]
    pub fn list_after(context: NativeCallContext, prefix: &str, after: &str, limit: i64) -> Result<Array> {
        at(&context, || list_keys(prefix, after, limit))
    }
}
