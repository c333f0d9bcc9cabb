//! `uuid`: identifiers of 128 bits that nobody else makes, by RFC 9562.

use super::{Result, at, random::draw_array, time::clock};
use ::uuid::Builder;
use rhai::plugin::*;

#[export_module]
pub mod uuid {
    /// A random one.
    ///
    /// Example: `regex::is_match("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]", uuid::v4())` → `true`
    #[rhai_fn(return_raw)]
    pub fn v4(context: NativeCallContext) -> Result<String> {
        at(&context, || Ok(Builder::from_random_bytes(draw_array()?).into_uuid().to_string()))
    }

    /// One that begins with the time, so that they sort by the millisecond in which they were made.
    ///
    /// Example: `uuid::v7().sub_string(14, 1)` → `"7"`
    #[rhai_fn(return_raw)]
    pub fn v7(context: NativeCallContext) -> Result<String> {
        at(&context, || {
            let now = u64::try_from(clock()?).unwrap_or(0);
            Ok(Builder::from_unix_timestamp_millis(now, &draw_array()?).into_uuid().to_string())
        })
    }
}
