//! Entries of an app's key-value store, for people who look into it; scripts reach it through the executor.

use super::{
    access::{Access, Editor, Viewer},
    conditions::{If, Tagged},
    error::ApiError,
    extract::{Json, Key, KvKey, Query},
    page::{self, Prefixed},
};
use crate::Manager;
use axum::{extract::State, http::StatusCode};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use picloud_shared::{
    api::{KvItem, Page, SetKv},
    limits::{KV_KEY_BYTES, KV_VALUE_BYTES},
    precondition::{Changed, Precondition},
    time::now_ms,
};
use picloud_store::{KvRoom, KvValue};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Milliseconds of a second.
const SECOND: i64 = 1_000;

/// The keys of an app, in the order of their bytes. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/kv",
    tag = "kv",
    operation_id = "list_keys",
    params(Prefixed),
    responses((status = 200, description = "A page of them", body = Page<String>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(asked): Query<Prefixed>,
) -> Result<axum::Json<Page<String>>, ApiError> {
    let size = asked.size("a key", KV_KEY_BYTES)?;
    let after = asked.after.as_ref().map(String::as_bytes);
    let keys = manager.store.kv_list(app.id, asked.prefix.as_bytes(), after, size + 1, now_ms()).await?;
    let keys = keys.into_iter().filter_map(|key| String::from_utf8(key).ok()).collect();
    Ok(axum::Json(page::of(keys, size, String::clone)))
}

/// One entry. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/kv/{*key}",
    tag = "kv",
    operation_id = "show_key",
    responses((status = 200, description = "The key and its value", body = KvItem))
)]
pub(super) async fn show(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Key(KvKey(key)): Key,
) -> Result<Tagged<axum::Json<KvItem>>, ApiError> {
    let now = now_ms();
    let value = manager.store.kv_get(app.id, key.as_bytes(), now).await?.ok_or(ApiError::NotFound("key"))?;
    let expires_at = manager.store.kv_end(app.id, key.as_bytes(), now).await?.flatten();
    Ok(Tagged(tag(&value), axum::Json(seen(key, value, expires_at))))
}

/// Sets a key: the next call of a script sees it. Needs the role editor.
#[utoipa::path(
    put,
    path = "/apps/{app}/kv/{*key}",
    tag = "kv",
    operation_id = "set_key",
    params(If),
    request_body = SetKv,
    responses((status = 204, description = "It is set"))
)]
pub(super) async fn set(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Key(KvKey(key)): Key,
    If(precondition): If,
    Json(set): Json<SetKv>,
) -> Result<StatusCode, ApiError> {
    let now = now_ms();
    let expires_at = set.ttl.map(|seconds| now.saturating_add(i64::from(seconds) * SECOND));
    let manager = access.audited(&manager, "set_key", &key, json!({}));
    let (app, key, value) = (access.app, key.as_bytes(), checked(set)?);
    let store = &manager.store;
    let limits = manager.settings.limits.in_force(&app.limits);
    let room = KvRoom { bytes: limits.kv_bytes, entries: limits.kv_entries };
    let done = match precondition {
        Precondition::None => store.kv_set(app.id, key, value, expires_at, room).await?.map(|()| true)?,
        precondition => {
            // What is there now has to be what was seen, and still be there when the other takes its place.
            let there = store.kv_get(app.id, key, now).await?;
            precondition.check(there.as_ref().map(|value| || tag(value)))?;
            store.kv_compare_and_set(app.id, key, there.as_ref(), (value, expires_at), now, room).await??
        }
    };
    if done { Ok(StatusCode::NO_CONTENT) } else { Err(Changed.into()) }
}

/// Deletes a key. Needs the role editor.
#[utoipa::path(
    delete,
    path = "/apps/{app}/kv/{*key}",
    tag = "kv",
    operation_id = "delete_key",
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn delete(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Key(KvKey(key)): Key,
) -> Result<StatusCode, ApiError> {
    let manager = access.audited(&manager, "delete_key", &key, json!({}));
    let gone = manager.store.kv_delete(access.app.id, key.as_bytes(), now_ms()).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("key")) }
}

/// Differs when the value differs.
fn tag(value: &KvValue) -> String {
    let digest = Sha256::new().chain_update([u8::from(value.json)]).chain_update(&value.data).finalize();
    hex::encode(&digest[..16])
}

fn checked(SetKv { value, value_base64, .. }: SetKv) -> Result<KvValue, ApiError> {
    let value = match (value, value_base64) {
        (Some(value), None) => KvValue { json: true, data: value.to_string().into_bytes() },
        (None, Some(base64)) => {
            let data = BASE64_STANDARD.decode(base64);
            KvValue { json: false, data: data.map_err(|e| ApiError::Invalid(format!("value_base64: {e}")))? }
        }
        _ => return Err(ApiError::Invalid("an entry has either a value or a value_base64".into())),
    };
    if value.data.len() > KV_VALUE_BYTES {
        let told = format!("a value has at most {KV_VALUE_BYTES} bytes, not {}", value.data.len());
        return Err(ApiError::TooLarge(told));
    }
    Ok(value)
}

fn seen(key: String, KvValue { json, data }: KvValue, expires_at: Option<i64>) -> KvItem {
    let (value, value_base64) = if json {
        let text = String::from_utf8_lossy(&data);
        (Some(serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()))), None)
    } else {
        (None, Some(BASE64_STANDARD.encode(data)))
    };
    KvItem { key, value, value_base64, expires_at }
}
