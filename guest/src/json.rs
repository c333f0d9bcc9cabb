//! Rhai values as JSON text and back. Not-a-number and infinities become null; a blob becomes an array of numbers.

use rhai::{Dynamic, EvalAltResult};

pub type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

pub fn parse(text: &str) -> Result<Dynamic> {
    serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}").into())
}

pub fn stringify(value: &Dynamic) -> Result<String> {
    serde_json::to_string(value).map_err(|error| format!("no JSON can be made of this: {error}").into())
}
