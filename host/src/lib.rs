//! Runs the guest: engine, pool, fuel, memory and wall-time limits, and the one seam through which a script's calls
//! leave its instance. No HTTP server, no SQL: what a call means is the [`Platform`]'s to know.

mod allowances;
mod compiled;
mod engine;
mod exports;
mod failure;
mod frugal;
mod fuel;
mod host;
mod image;
mod instance;
mod kept;
mod learned;
mod limiter;
mod machine;
mod page_set;
mod pool;
mod seam;
mod thin;
mod watch;

pub use allowances::Allowances;
pub use engine::Target;
pub use host::{Host, HostError, Run, Settings};
pub use image::Image;
pub use seam::{Invoked, Left, Platform};
