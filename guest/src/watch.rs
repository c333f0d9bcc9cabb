//! Ends a script that is about to run out of fuel or of stack while its position is still known. The traps of the
//! host are the backstop: they know no line.

use crate::platform;
use rhai::{Dynamic, Engine};
use std::cell::Cell;

/// Why a script was ended from within.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    OutOfFuel,
    TooDeep,
}

/// What the next look at the fuel is reckoned from. Rhai's own count of operations will not do: what a function calls
/// back counts on a copy, which is lost.
#[derive(Clone, Copy)]
struct Look {
    /// Fuel that was left at the last look.
    fuel: u64,
    /// Operations from the last look to the next.
    operations: u64,
    /// Fuel kept back to unwind the script, write the error and answer.
    reserve: u64,
}

thread_local! {
    /// None before the first, so that a script that ends before it asks the host for nothing.
    static LOOK: Cell<Option<Look>> = const { Cell::new(None) };
    /// Operations until the next look.
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// What is kept back at most; of a small limit a quarter.
const RESERVE_FUEL: u64 = 100_000;
/// Operations between two looks at the fuel, at most.
const POLL_EVERY: u64 = 1_024;
/// What one operation is taken to burn at least, so that a dear one is not seen too late. An operation is a node of the
/// tree (100 to 1,000) or a round of a bytecode's loop, which burns as much as its body is long.
const FUEL_PER_OPERATION: u64 = 16_384;
/// How far the stack, 1 MiB that grows towards address 0, may be used. It is meant to end a script before the native
/// stack, 4 MiB, could: that a frame takes no more than four times the room natively is an estimate.
const STACK_FLOOR: usize = 256 << 10;

/// Called when the platform has answered: a call may burn much within one operation.
pub fn look_soon() {
    LEFT.set(0);
}

/// Called when another script has run at this one's expense: what it burnt says nothing of the operations to come.
pub fn reckon_from_here() {
    LOOK.set(LOOK.get().map(|look| Look { fuel: platform::fuel(), ..look }));
}

/// Called when an invocation begins.
pub fn start() {
    LOOK.set(None);
    LEFT.set(0);
}

/// Whether fuel is left to go on.
fn look() -> bool {
    let fuel = platform::fuel();
    let last = LOOK.get().unwrap_or(Look { fuel, operations: 1, reserve: RESERVE_FUEL.min(fuel / 4) });
    // The next operations may be twice as dear as the last ones were.
    let each = (last.fuel.saturating_sub(fuel) / last.operations * 2).max(FUEL_PER_OPERATION);
    let operations = (fuel / each).clamp(1, POLL_EVERY);
    LOOK.set(Some(Look { fuel, operations, ..last }));
    LEFT.set(operations);
    fuel > last.reserve
}

pub fn register(engine: &mut Engine) {
    engine.on_progress(|_| {
        let here = 0u8;
        if std::ptr::from_ref(std::hint::black_box(&here)).addr() < STACK_FLOOR {
            return Some(Dynamic::from(Stop::TooDeep));
        }
        if let Some(left) = LEFT.get().checked_sub(1) {
            LEFT.set(left);
            return None;
        }
        (!look()).then(|| Dynamic::from(Stop::OutOfFuel))
    });
}
