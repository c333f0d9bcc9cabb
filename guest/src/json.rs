//! Rhai values as JSON text and back. Not-a-number and infinities become null; a blob becomes an array of numbers.

use rhai::{Array, Dynamic, EvalAltResult, Map};

pub type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

pub fn parse(text: &str) -> Result<Dynamic> {
    serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}").into())
}

/// Nesting that `parse` takes, and so all that `stringify` makes: what is written can be read back.
const DEPTH: usize = 127;

pub fn stringify(value: &Dynamic) -> Result<String> {
    if !is_shallower(value, DEPTH) {
        return Err(format!("no JSON can be made of values nested more than {DEPTH} levels deep").into());
    }
    serde_json::to_string(value).map_err(|error| format!("no JSON can be made of this: {error}").into())
}

fn is_shallower(value: &Dynamic, levels: usize) -> bool {
    if let Some(array) = value.read_lock::<Array>() {
        return levels > 0 && array.iter().all(|value| is_shallower(value, levels - 1));
    }
    if let Some(map) = value.read_lock::<Map>() {
        return levels > 0 && map.values().all(|value| is_shallower(value, levels - 1));
    }
    true
}
