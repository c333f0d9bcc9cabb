//! The Rhai engine that every script gets: which parts of the language, which functions, which depths.

use crate::{api, event, natives, request, response, watch};
use picloud_abi::log::Level;
use rhai::{
    Engine, OptimizationLevel,
    packages::{Package, StandardPackage},
};

/// Function calls within function calls.
const CALL_LEVELS: usize = 64;
/// Expressions within expressions, in a source.
const EXPRESSION_DEPTH: usize = 64;

/// Seed of Rhai's function hashes. Any fixed value makes them, and so fuel, the same everywhere; nothing that a
/// script can choose is hashed with it (object maps are B-trees).
const HASHING_SEED: [u64; 4] = [0x7069_636c, 0x6f75_6400, 0x6675_656c, 0x0001];

pub fn build() -> Engine {
    // Fails only when set before; nothing has touched Rhai yet.
    let _ = rhai::config::hashing::set_hashing_seed(Some(HASHING_SEED));
    let mut engine = Engine::new_raw();
    StandardPackage::new().register_into_engine(&mut engine);
    engine
        .set_optimization_level(OptimizationLevel::Simple)
        .set_max_call_levels(CALL_LEVELS)
        .set_max_expr_depths(EXPRESSION_DEPTH, EXPRESSION_DEPTH)
        .disable_symbol("eval");
    engine.on_print(|text| api::log::write(Level::Info, text.to_owned()));
    engine.on_debug(|text, _, position| api::log::write(Level::Debug, format!("{text} @ {position:?}")));
    watch::register(&mut engine);
    natives::register(&mut engine);
    request::register(&mut engine);
    event::register(&mut engine);
    response::register(&mut engine);
    api::register(&mut engine);
    engine
}
