//! `cargo xtask bench`: prints figures and asserts nothing, since a busy machine is not a broken program.

pub(crate) mod engine;
mod server;
pub(crate) mod start;
mod table;
