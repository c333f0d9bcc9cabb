//! `json`: text to value and back.

use super::{Result, at};
use rhai::plugin::*;

#[export_module]
pub mod json {
    /// The value that a JSON text stands for.
    ///
    /// Example: `json::parse("{\"a\": [1, null]}")` → `#{ a: [1, ()] }`
    #[rhai_fn(return_raw)]
    pub fn parse(context: NativeCallContext, text: &str) -> Result<Dynamic> {
        at(&context, || crate::json::parse(text))
    }

    /// A value as JSON text. Not-a-number and infinities become `null`, a blob an array of numbers.
    ///
    /// Example: `json::stringify(#{ a: [1, ()] })` → `"{\"a\":[1,null]}"`
    #[rhai_fn(return_raw)]
    pub fn stringify(context: NativeCallContext, value: Dynamic) -> Result<String> {
        at(&context, || crate::json::stringify(&value))
    }
}
