//! `log`: lines that stay with the invocation.

use crate::platform;
use picloud_abi::{
    bounds::{LOG_LINE_BYTES, cut},
    log::{Entry, Level},
    seam::Request,
};
use rhai::plugin::*;

/// Never fails: lines past the limit are counted by the platform, and what is over in one is more than it keeps by
/// default.
pub fn write(level: Level, mut message: String) {
    cut(&mut message, LOG_LINE_BYTES);
    platform::call(&Request::Log(Entry { level, message }));
}

#[export_module]
pub mod log {
    /// A line at level debug, for what is looked for only at times.
    ///
    /// Example: `log::debug(#{ order: 7 })` → `()`
    pub fn debug(message: Dynamic) {
        write(Level::Debug, message.to_string());
    }

    /// A line at level info. A call never fails: lines past the limits are counted and dropped.
    ///
    /// Example: `log::info(#{ order: 7 })` → `()`
    pub fn info(message: Dynamic) {
        write(Level::Info, message.to_string());
    }

    /// A line at level warn.
    ///
    /// Example: `log::warn(#{ order: 7 })` → `()`
    pub fn warn(message: Dynamic) {
        write(Level::Warn, message.to_string());
    }

    /// A line at level error.
    ///
    /// Example: `log::error(#{ order: 7 })` → `()`
    pub fn error(message: Dynamic) {
        write(Level::Error, message.to_string());
    }
}
