//! Fuel, as the host sees it. The guest counts it down in a global that metering gave it (`crates/metering`), and asks
//! here when that is below zero. It is given out in slices, between which an instance lets others run.

use std::{future::poll_fn, task::Poll};
use wasmtime::{AsContextMut, Global, Trap, Val};

/// Fuel of a slice: about a millisecond and a half.
const SLICE: u64 = 10_000_000;

/// What an instance may burn.
#[derive(Clone, Copy)]
pub(crate) struct Fuel {
    /// The guest's global; below zero when it took more than it had.
    gauge: Global,
    /// What it was not given yet.
    rest: u64,
}

impl Fuel {
    pub(crate) fn new(gauge: Global) -> Self {
        Self { gauge, rest: 0 }
    }

    /// Lets the guest burn so much from now on.
    pub(crate) fn fill(&mut self, store: impl AsContextMut, fuel: u64) -> wasmtime::Result<()> {
        let slice = fuel.min(SLICE);
        self.rest = fuel - slice;
        self.set(store, slice.cast_signed())
    }

    /// What is left.
    pub(crate) fn left(&self, store: impl AsContextMut) -> u64 {
        self.rest.saturating_add_signed(self.read(store))
    }

    /// Takes what was burnt elsewhere at the guest's expense: first of what it was not given yet.
    pub(crate) fn spend(&mut self, mut store: impl AsContextMut, spent: u64) -> wasmtime::Result<()> {
        let of_rest = spent.min(self.rest);
        self.rest -= of_rest;
        if of_rest == spent {
            return Ok(());
        }
        let gauge = self.read(&mut store).saturating_sub_unsigned(spent - of_rest);
        self.set(store, gauge.max(0))
    }

    /// Gives the guest its next slice if it needs one, and says whether it does.
    pub(crate) fn next_slice(&mut self, mut store: impl AsContextMut) -> wasmtime::Result<bool> {
        let gauge = self.read(&mut store);
        if gauge >= 0 {
            return Ok(false);
        }
        let slice = self.rest.min(SLICE + gauge.unsigned_abs());
        self.rest -= slice;
        let gauge = gauge.saturating_add_unsigned(slice);
        self.set(&mut store, gauge.max(0))?;
        if gauge < 0 {
            return Err(Trap::OutOfFuel.into());
        }
        Ok(true)
    }

    fn read(&self, store: impl AsContextMut) -> i64 {
        self.gauge.get(store).i64().unwrap_or(0)
    }

    fn set(&self, store: impl AsContextMut, fuel: i64) -> wasmtime::Result<()> {
        self.gauge.set(store, Val::I64(fuel))
    }
}

/// Ends once it was polled a second time, which is at once if nothing else has to run.
pub(crate) async fn let_others_run() {
    let mut polled = false;
    poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
