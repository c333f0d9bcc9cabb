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

thread_local! {
    static NEXT_POLL: Cell<u64> = const { Cell::new(0) };
    static RESERVE: Cell<u64> = const { Cell::new(0) };
}

/// Fuel kept back to unwind the script, write the error and answer; of a small limit a quarter.
const RESERVE_FUEL: u64 = 100_000;
/// Operations between two looks at the fuel, at most.
const POLL_EVERY: u64 = 1_024;
/// What one operation may burn on average between two looks without passing the reserve unseen. Ordinary operations
/// burn 100 to 1,000.
const FUEL_PER_OPERATION: u64 = 4_096;
/// How far the stack, 1 MiB that grows towards address 0, may be used. Natively a frame takes less than four times
/// the room that it takes here, and the host gives 4 MiB, so this ends a script before the native stack could.
const STACK_FLOOR: usize = 256 << 10;

/// Called when the platform has answered: a call may burn much within one operation.
pub fn look_soon() {
    NEXT_POLL.set(0);
}

/// Called when an invocation begins.
pub fn start() {
    let fuel = platform::fuel();
    RESERVE.set(RESERVE_FUEL.min(fuel / 4));
    NEXT_POLL.set(next_poll(0, fuel));
}

fn next_poll(operations: u64, fuel: u64) -> u64 {
    operations + (fuel / FUEL_PER_OPERATION).clamp(1, POLL_EVERY)
}

pub fn register(engine: &mut Engine) {
    engine.on_progress(|operations| {
        let here = 0u8;
        if std::ptr::from_ref(std::hint::black_box(&here)).addr() < STACK_FLOOR {
            return Some(Dynamic::from(Stop::TooDeep));
        }
        if operations < NEXT_POLL.get() {
            return None;
        }
        let fuel = platform::fuel();
        NEXT_POLL.set(next_poll(operations, fuel));
        (fuel < RESERVE.get()).then(|| Dynamic::from(Stop::OutOfFuel))
    });
}
