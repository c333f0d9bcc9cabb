//! `cargo xtask bench`: prints figures and asserts nothing about them, since a busy machine is not a broken program.

mod cores;
pub(crate) mod density;
pub(crate) mod engine;
pub(crate) mod events;
pub(crate) mod http;
pub(crate) mod idle;
mod load;
mod measured;
pub(crate) mod overload;
pub(crate) mod records;
mod server;
pub(crate) mod start;
mod table;
pub(crate) mod writes;
