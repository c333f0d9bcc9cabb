//! What scripts can do beyond computing: one file a capability, each with one interface in `wit/` and one module in
//! the guest.

pub(crate) mod files;
pub(crate) mod http;
pub(crate) mod kv;
pub(crate) mod log;
pub(crate) mod random;
pub(crate) mod scripts;
pub(crate) mod secrets;
pub(crate) mod topics;
pub(crate) mod vars;

use picloud_abi::seam::{Refusal, RefusalCode};

pub(crate) fn refuse(code: RefusalCode, message: impl Into<String>) -> Refusal {
    Refusal { code, message: message.into() }
}
