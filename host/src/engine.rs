//! wasmtime's settings, each with its reason.

use crate::pool::Pool;
use wasmtime::{Config, Engine, OptLevel, PoolingAllocationConfig};

/// What the guest is compiled to. Fuel is the same on all of them; only speed differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// The machine's own instructions, all that its CPU has.
    #[default]
    Native,
    /// The machine's own instructions, only those that every CPU of its kind has.
    Baseline,
    /// wasmtime's portable interpreter, for machines that cranelift cannot compile for.
    Pulley,
}

/// Native stack that the guest may use: four times the guest's own in linear memory (1 MiB), where the depth check looks
/// first, at three quarters. That a frame takes no more than that natively is an estimate, not a measured bound.
const WASM_STACK: usize = 4 << 20;
/// What host functions need on top.
pub(crate) const HOST_STACK: usize = 256 << 10;
/// Native stack of a fibre.
const ASYNC_STACK: usize = WASM_STACK + HOST_STACK;

pub(crate) fn build(target: Target, pool: &Pool) -> wasmtime::Result<Engine> {
    let slots = pool.slots.saturating_add(pool.kept);
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots)
        .total_stacks(slots)
        .max_unused_warm_slots(slots)
        .max_memory_size(pool.memory_bytes)
        .max_tables_per_module(1)
        .max_memories_per_module(1)
        // Nothing of an instance stays in its slot: what is used again and again is kept as an instance.
        .linear_memory_keep_resident(0)
        .table_keep_resident(0)
        .async_stack_keep_resident(0);
    let mut config = Config::new();
    match target {
        Target::Native => {}
        Target::Baseline => {
            config.target(&baseline_triple())?;
        }
        Target::Pulley => {
            config.target("pulley64")?;
        }
    }
    config
        .allocation_strategy(pooling)
        .memory_init_cow(true)
        .force_memory_init_memfd(true)
        // Not-a-number has many bit patterns, and CPUs differ in which they make.
        .cranelift_nan_canonicalization(true)
        .cranelift_opt_level(OptLevel::Speed)
        // Hints say that fuel is hardly ever at its end.
        .wasm_branch_hinting(true)
        .concurrency_support(false)
        .wasm_backtrace_max_frames(None)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(ASYNC_STACK)
        .async_stack_zeroing(true);
    Engine::new(&config)
}

/// This machine's target triple; naming it keeps wasmtime from asking the CPU what it can do beyond the baseline.
fn baseline_triple() -> String {
    format!("{}-unknown-{}-gnu", std::env::consts::ARCH, std::env::consts::OS)
}
