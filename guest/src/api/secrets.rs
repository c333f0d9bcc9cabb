//! `secrets`: the app's secrets, which people set with `pic secrets set`.

use super::{Result, at, call, unexpected};
use picloud_abi::{
    seam,
    secrets::{Answer, Request},
};
use rhai::plugin::*;

fn read(name: &str) -> Result<Option<String>> {
    match call(&seam::Request::Secrets(Request::Get(name.into())))? {
        seam::Answer::Secrets(Answer::Value(value)) => Ok(value),
        _ => unexpected(),
    }
}

#[export_module]
pub mod secrets {
    /// The value of a secret, a string, or `()` if it is not set. An invocation sees all of them as they were when it read
    /// the first.
    ///
    /// Example: `let key = secrets::get("API_KEY"); if key == () { "no key was set" } else { "there is a key" }` → `"no key was set"`
    #[rhai_fn(return_raw)]
    pub fn get(context: NativeCallContext, name: &str) -> Result<Dynamic> {
        at(&context, || Ok(read(name)?.map_or(Dynamic::UNIT, Dynamic::from)))
    }

    /// The value of a secret, or `default` if it is not set.
    ///
    /// Example: `secrets::get("PEPPER", "")` → `""`
    #[rhai_fn(name = "get", return_raw)]
    pub fn get_or(context: NativeCallContext, name: &str, default: Dynamic) -> Result<Dynamic> {
        at(&context, || Ok(read(name)?.map_or(default, Dynamic::from)))
    }
}
