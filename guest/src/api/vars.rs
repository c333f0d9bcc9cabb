//! `vars`: the app's variables, which people set with `pic vars set`.

use super::{Result, at, call, unexpected};
use picloud_abi::{
    seam,
    vars::{Answer, Request},
};
use rhai::plugin::*;

fn read(name: &str) -> Result<Option<String>> {
    match call(&seam::Request::Vars(Request::Get(name.into())))? {
        seam::Answer::Vars(Answer::Value(value)) => Ok(value),
        _ => unexpected(),
    }
}

#[export_module]
pub mod vars {
    /// The value of a variable, a string, or `()` if it is not set. An invocation sees all of them as they were when it read
    /// the first.
    ///
    /// Example: `let rate = vars::get("RATE"); if rate == () { "10 by default" } else { rate }` → `"10 by default"`
    #[rhai_fn(return_raw)]
    pub fn get(context: NativeCallContext, name: &str) -> Result<Dynamic> {
        at(&context, || Ok(read(name)?.map_or(Dynamic::UNIT, Dynamic::from)))
    }

    /// The value of a variable, or `default` if it is not set.
    ///
    /// Example: `vars::get("REGION", "eu")` → `"eu"`
    #[rhai_fn(name = "get", return_raw)]
    pub fn get_or(context: NativeCallContext, name: &str, default: Dynamic) -> Result<Dynamic> {
        at(&context, || Ok(read(name)?.map_or(default, Dynamic::from)))
    }
}
