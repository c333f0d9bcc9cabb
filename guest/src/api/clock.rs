//! `time`: what the clock says.

use super::{Result, at, call, unexpected};
use picloud_abi::seam::{Answer, Request};
use rhai::plugin::*;

#[export_module]
pub mod time {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[rhai_fn(return_raw)]
    pub fn now(context: NativeCallContext) -> Result<i64> {
        at(&context, || match call(&Request::Clock)? {
            Answer::Clock(now) => Ok(now),
            _ => unexpected(),
        })
    }
}
