//! What tests need around them and cannot find in a library.

pub mod postgres;
pub mod schemathesis;
