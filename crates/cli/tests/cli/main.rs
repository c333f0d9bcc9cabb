//! The real `pic`, run as a user runs it, without a server: what it says and how it exits when it cannot go on.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod docs;
mod errors;
mod files;
mod help;
mod pic;
