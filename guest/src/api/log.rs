//! `log`: lines that stay with the invocation.

use crate::{json, platform};
use picloud_abi::{
    bounds::{LOG_LINE_BYTES, cut},
    log::{Entry, Level},
    seam::Request,
};
use rhai::{Map, plugin::*};

/// Never fails: lines past the limit are counted by the platform, and what is over in one is more than it keeps by
/// default.
pub fn write(level: Level, message: String) {
    send(level, message, None);
}

/// What is kept instead of fields that are nested too deeply, or hold what JSON cannot.
const NO_JSON: &str = r#"{"fields":"no JSON can be made of them"}"#;

/// The fields of a line have the room that its text leaves.
fn write_with(level: Level, message: String, fields: Map) {
    let fields = json::stringify(&fields.into()).unwrap_or_else(|_| NO_JSON.to_owned());
    send(level, message, Some(fields));
}

fn send(level: Level, mut message: String, fields: Option<String>) {
    cut(&mut message, LOG_LINE_BYTES);
    let fields = fields.filter(|fields| fields.len() <= LOG_LINE_BYTES - message.len());
    platform::call(&Request::Log(Entry { level, message, fields }));
}

#[export_module]
pub mod log {
    /// A line at level debug, for what is looked for only at times.
    ///
    /// Example: `log::debug(#{ order: 7 })` → `()`
    pub fn debug(message: Dynamic) {
        write(Level::Debug, message.to_string());
    }

    /// A line at level debug with fields.
    ///
    /// Example: `log::debug("asked", #{ order: 7 })` → `()`
    #[rhai_fn(name = "debug")]
    pub fn debug_with(message: Dynamic, fields: Map) {
        write_with(Level::Debug, message.to_string(), fields);
    }

    /// A line at level info. A call never fails: lines past the limits are counted and dropped.
    ///
    /// Example: `log::info(#{ order: 7 })` → `()`
    pub fn info(message: Dynamic) {
        write(Level::Info, message.to_string());
    }

    /// A line at level info with fields, which are kept as JSON beside the text. They count with it; those that do not fit
    /// are left out.
    ///
    /// Example: `log::info("paid", #{ order: 7, total: 12.5 })` → `()`
    #[rhai_fn(name = "info")]
    pub fn info_with(message: Dynamic, fields: Map) {
        write_with(Level::Info, message.to_string(), fields);
    }

    /// A line at level warn.
    ///
    /// Example: `log::warn(#{ order: 7 })` → `()`
    pub fn warn(message: Dynamic) {
        write(Level::Warn, message.to_string());
    }

    /// A line at level warn with fields.
    ///
    /// Example: `log::warn("paid twice", #{ order: 7 })` → `()`
    #[rhai_fn(name = "warn")]
    pub fn warn_with(message: Dynamic, fields: Map) {
        write_with(Level::Warn, message.to_string(), fields);
    }

    /// A line at level error.
    ///
    /// Example: `log::error(#{ order: 7 })` → `()`
    pub fn error(message: Dynamic) {
        write(Level::Error, message.to_string());
    }

    /// A line at level error with fields.
    ///
    /// Example: `log::error("not paid", #{ order: 7 })` → `()`
    #[rhai_fn(name = "error")]
    pub fn error_with(message: Dynamic, fields: Map) {
        write_with(Level::Error, message.to_string(), fields);
    }
}
