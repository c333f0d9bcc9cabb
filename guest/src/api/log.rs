//! `log`: lines that stay with the invocation.

use crate::platform;
use picloud_abi::{
    log::{Entry, Level},
    seam::Request,
};
use rhai::plugin::*;

/// Never fails: lines past the limit are counted by the platform.
pub fn write(level: Level, message: String) {
    platform::call(&Request::Log(Entry { level, message }));
}

#[export_module]
pub mod log {
    pub fn debug(message: Dynamic) {
        write(Level::Debug, message.to_string());
    }

    pub fn info(message: Dynamic) {
        write(Level::Info, message.to_string());
    }

    pub fn warn(message: Dynamic) {
        write(Level::Warn, message.to_string());
    }

    pub fn error(message: Dynamic) {
        write(Level::Error, message.to_string());
    }
}
