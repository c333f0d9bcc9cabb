//! Functions of Rhai that would crash or stall the guest, in a form that does not.

mod padding;
mod sorting;

use rhai::{Engine, EvalAltResult};

pub fn register(engine: &mut Engine) {
    padding::register(engine);
    sorting::register(engine);
    engine.register_fn("sleep", |_: i64| no_sleep()).register_fn("sleep", |_: f64| no_sleep());
}

/// Rhai's own asks the operating system, of which there is none.
fn no_sleep() -> Result<(), Box<EvalAltResult>> {
    Err("a script cannot sleep: it would only wait on its caller's time".into())
}
