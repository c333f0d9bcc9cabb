//! `kv`: the app's key-value store. A key is a string of 1 to 512 bytes; a value is anything that JSON can hold, or a
//! blob, at most 256 KiB.

use super::{Result, at, call, unexpected};
use picloud_abi::{
    kv::{
        Answer, CompareAndSetRequest, Encoding, Entry, ExpireRequest, IncrRequest, ListRequest, Request,
        SetManyRequest, SetRequest, Value,
    },
    seam,
};
use rhai::{Array, Blob, Map, plugin::*};

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

fn range(prefix: &str, after: &str, limit: i64) -> Result<ListRequest> {
    let limit = u32::try_from(limit).map_err(|_| format!("cannot list {limit} keys"))?;
    let after = (!after.is_empty()).then(|| after.to_owned());
    Ok(ListRequest { prefix: prefix.into(), after, limit })
}

fn list_keys(prefix: &str, after: &str, limit: i64) -> Result<Array> {
    match ask(Request::List(range(prefix, after, limit)?))? {
        Answer::Keys(keys) => Ok(keys.into_iter().map(Dynamic::from).collect()),
        _ => unexpected(),
    }
}

fn map_of(entries: Vec<Entry>) -> Result<Map> {
    entries.into_iter().map(|Entry { key, value }| Ok((key.into(), decode(value)?))).collect()
}

fn entries_of(prefix: &str, after: &str, limit: i64) -> Result<Map> {
    match ask(Request::Entries(range(prefix, after, limit)?))? {
        Answer::Entries(entries) => map_of(entries),
        _ => unexpected(),
    }
}

fn set_all(map: Map, ttl_ms: Option<u64>) -> Result<()> {
    let entries = map.into_iter().map(|(key, value)| Ok(Entry { key: key.into(), value: encode(value)? }));
    match ask(Request::SetMany(SetManyRequest { entries: entries.collect::<Result<_>>()?, ttl_ms }))? {
        Answer::Stored => Ok(()),
        _ => unexpected(),
    }
}

#[export_module]
pub mod kv {
    /// The value of a key, or `()`.
    ///
    /// Example: `kv::set("color", "red"); [kv::get("color"), kv::get("none")]` → `["red", ()]`
    #[rhai_fn(return_raw)]
    pub fn get(context: NativeCallContext, key: &str) -> Result<Dynamic> {
        at(&context, || match ask(Request::Get(key.into()))? {
            Answer::Value(value) => value.map_or(Ok(Dynamic::UNIT), decode),
            _ => unexpected(),
        })
    }

    /// Stores a value for ever: anything that JSON can hold, or a blob.
    ///
    /// Example: `kv::set("cart", #{ apples: 3 }); kv::get("cart").apples` → `3`
    #[rhai_fn(return_raw)]
    pub fn set(context: NativeCallContext, key: &str, value: Dynamic) -> Result<()> {
        at(&context, || set_for(key, value, None))
    }

    /// Stores a value for so many seconds, at least 1.
    ///
    /// Example: `kv::set("session", "Ada", 3600); kv::get("session")` → `"Ada"`
    #[rhai_fn(name = "set", return_raw)]
    pub fn set_with_ttl(context: NativeCallContext, key: &str, value: Dynamic, seconds: i64) -> Result<()> {
        at(&context, || set_for(key, value, Some(milliseconds(seconds)?)))
    }

    /// Removes a key; says whether it was there.
    ///
    /// Example: `kv::set("old", 1); [kv::delete("old"), kv::delete("old")]` → `[true, false]`
    #[rhai_fn(return_raw)]
    pub fn delete(context: NativeCallContext, key: &str) -> Result<bool> {
        at(&context, || match ask(Request::Delete(key.into()))? {
            Answer::Deleted(deleted) => Ok(deleted),
            _ => unexpected(),
        })
    }

    /// Adds 1 to a whole number, which begins at 0, and gives the new one. No call in between is lost.
    ///
    /// Example: `[kv::incr("visits"), kv::incr("visits")]` → `[1, 2]`
    #[rhai_fn(return_raw)]
    pub fn incr(context: NativeCallContext, key: &str) -> Result<i64> {
        at(&context, || incr_for(key, 1))
    }

    /// Adds to a whole number, which begins at 0, and gives the new one. What time to live it has, it keeps.
    ///
    /// Example: `[kv::incr("stock", 10), kv::incr("stock", -3)]` → `[10, 7]`
    #[rhai_fn(name = "incr", return_raw)]
    pub fn incr_by(context: NativeCallContext, key: &str, by: i64) -> Result<i64> {
        at(&context, || incr_for(key, by))
    }

    /// Stores `value` only if the key holds `expected` now (`()`: only if it is not there); says whether it did.
    ///
    /// Example: `[kv::compare_and_set("lock", (), "mine"), kv::compare_and_set("lock", (), "yours")]` → `[true, false]`
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
    ///
    /// Example: `kv::set("fruit:pear", 1); kv::set("fruit:fig", 2); kv::list("fruit:")` →
    /// `["fruit:fig", "fruit:pear"]`
    #[rhai_fn(return_raw)]
    pub fn list(context: NativeCallContext, prefix: &str) -> Result<Array> {
        at(&context, || list_keys(prefix, "", LIST_LIMIT))
    }

    /// The first `limit` keys, at most 1,000, that start with `prefix` and come after `after`, in byte order.
    ///
    /// Example: `kv::set_many(#{ "tree:a": 1, "tree:b": 2 }); kv::list("tree:", "tree:a", 10)` → `["tree:b"]`
    #[rhai_fn(name = "list", return_raw)]
    pub fn list_after(context: NativeCallContext, prefix: &str, after: &str, limit: i64) -> Result<Array> {
        at(&context, || list_keys(prefix, after, limit))
    }

    /// The seconds that a key still lives, rounded up; `()` if it lives for ever, or is not there.
    ///
    /// Example: `kv::set("ticket", 1, 60); kv::set("seat", 1); [kv::ttl("ticket") > 50, kv::ttl("seat")]` → `[true, ()]`
    #[rhai_fn(return_raw)]
    pub fn ttl(context: NativeCallContext, key: &str) -> Result<Dynamic> {
        at(&context, || match ask(Request::Ttl(key.into()))? {
            Answer::Left(left) => Ok(left.map_or(Dynamic::UNIT, |left| left.div_ceil(1_000).cast_signed().into())),
            _ => unexpected(),
        })
    }

    /// Lets a key live for so many seconds from now on, at least 1; says whether it is there.
    ///
    /// Example: `kv::set("cache", 1); [kv::expire("cache", 60), kv::expire("none", 60)]` → `[true, false]`
    #[rhai_fn(return_raw)]
    pub fn expire(context: NativeCallContext, key: &str, seconds: i64) -> Result<bool> {
        at(&context, || {
            match ask(Request::Expire(ExpireRequest { key: key.into(), ttl_ms: milliseconds(seconds)? }))? {
                Answer::Expires(there) => Ok(there),
                _ => unexpected(),
            }
        })
    }

    /// The values of at most 100 keys, of at most 1 MiB together, as a map of those that are there. It counts as as many
    /// calls as there are keys.
    ///
    /// Example: `kv::set_many(#{ "row:a": 1, "row:b": 2 }); kv::get_many(["row:a", "row:b", "row:c"])` →
    /// `#{ "row:a": 1, "row:b": 2 }`
    #[rhai_fn(return_raw)]
    pub fn get_many(context: NativeCallContext, keys: Array) -> Result<Map> {
        at(&context, || {
            let key = |key: Dynamic| {
                key.into_string().map_err(|kind| Box::<EvalAltResult>::from(format!("a key is a string, not {kind}")))
            };
            match ask(Request::GetMany(keys.into_iter().map(key).collect::<Result<_>>()?))? {
                Answer::Entries(entries) => map_of(entries),
                _ => unexpected(),
            }
        })
    }

    /// Stores at most 100 keys and their values, of at most 1 MiB together: all of them, or, when it fails, none. It
    /// counts as as many calls as there are keys.
    ///
    /// Example: `kv::set_many(#{ "user:7": "Ada", "mail:ada": 7 }); kv::get("mail:ada")` → `7`
    #[rhai_fn(return_raw)]
    pub fn set_many(context: NativeCallContext, map: Map) -> Result<()> {
        at(&context, || set_all(map, None))
    }

    /// Stores them for so many seconds, at least 1.
    ///
    /// Example: `kv::set_many(#{ "code:1": "x", "code:2": "y" }, 60); kv::ttl("code:2") > 50` → `true`
    #[rhai_fn(name = "set_many", return_raw)]
    pub fn set_many_with_ttl(context: NativeCallContext, map: Map, seconds: i64) -> Result<()> {
        at(&context, || set_all(map, Some(milliseconds(seconds)?)))
    }

    /// The first 100 keys that start with `prefix`, with their values; fewer, if those would have more than 1 MiB
    /// together.
    ///
    /// Example: `kv::set_many(#{ "day:1": "Mon", "day:2": "Tue" }); kv::entries("day:")` →
    /// `#{ "day:1": "Mon", "day:2": "Tue" }`
    #[rhai_fn(return_raw)]
    pub fn entries(context: NativeCallContext, prefix: &str) -> Result<Map> {
        at(&context, || entries_of(prefix, "", LIST_LIMIT))
    }

    /// The first `limit` keys, at most 100, that start with `prefix` and come after `after`, with their values. The last
    /// key of one map is the `after` of the next; an empty map is the end.
    ///
    /// Example: `kv::set_many(#{ "page:1": "a", "page:2": "b" }); kv::entries("page:", "page:1", 10)` →
    /// `#{ "page:2": "b" }`
    #[rhai_fn(name = "entries", return_raw)]
    pub fn entries_after(context: NativeCallContext, prefix: &str, after: &str, limit: i64) -> Result<Map> {
        at(&context, || entries_of(prefix, after, limit))
    }
}
