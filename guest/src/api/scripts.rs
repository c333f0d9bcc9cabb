//! `scripts`: the other scripts of the app, run at once.

use super::{Result, at, call, unexpected};
use crate::{json, watch};
use picloud_abi::{
    scripts::{Answer, Call, Request},
    seam,
};
use rhai::plugin::*;

fn run(script: &str, payload: Dynamic) -> Result<Dynamic> {
    let payload = json::stringify(&payload)?;
    let answer = call(&seam::Request::Scripts(Request::Invoke(Call { script: script.into(), payload })));
    watch::reckon_from_here();
    match answer? {
        seam::Answer::Scripts(Answer::Value(value)) => json::parse(&value),
        _ => unexpected(),
    }
}

#[export_module]
pub mod scripts {
    /// Runs another script of the app with `event.kind` `"invoke"` and gives its last value; of a `respond(…)` its body. It has
    /// an instance of its own, and what it spends is its caller's. How it fails can be caught.
    ///
    /// Example: `try { scripts::invoke("nobody", #{ n: 1 }) } catch (refused) { return refused.code; }` → `"no_such_script"`
    #[rhai_fn(return_raw)]
    pub fn invoke(context: NativeCallContext, script: &str, payload: Dynamic) -> Result<Dynamic> {
        at(&context, || run(script, payload))
    }

    /// Runs another script of the app without a payload: its `event.payload` is `()`.
    ///
    /// Example: `try { scripts::invoke("nobody") } catch (refused) { return refused.code; }` → `"no_such_script"`
    #[rhai_fn(name = "invoke", return_raw)]
    pub fn invoke_bare(context: NativeCallContext, script: &str) -> Result<Dynamic> {
        at(&context, || run(script, Dynamic::UNIT))
    }
}
