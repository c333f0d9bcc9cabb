//! One instance of the guest: a program is loaded into it, or its image written; then it is invoked, and perhaps brought
//! back to the image and invoked again.

#[cfg(test)]
mod tests;

use crate::{
    allowances::Allowances,
    exports::{ExportPlaces, Exports, Step, bytes_at},
    frugal::{Frugal, Frugality},
    fuel::Fuel,
    image::Image,
    limiter::MemoryLimiter,
    seam::{self, Platform, Running, State},
    thin::Thinning,
    watch::{Watch, Watched},
};
use picloud_abi::{
    Packed,
    invocation::{Diagnostic, ImportStatement, Outcome, Program, Runtime, Trigger},
};
use picloud_shared::limits::Limits;
use rustix::process::Signal;
use serde::de::DeserializeOwned;
use std::{sync::Arc, time::Instant};
use wasmtime::{AsContext, Engine, InstancePre, Store, format_err, unix::StoreExt};

/// Longest answer of `load`: a diagnostic.
const DIAGNOSTIC_BYTES: usize = 1 << 20;
/// Longest answer of `imports`: all that a source of the largest size may hold, and their positions.
const IMPORTS_BYTES: usize = 2 << 20;
/// What an outcome has beside a body: headers, a message, and room.
const BESIDE_BODY_BYTES: usize = 64 << 10;
/// Bytes by which linear memory grows.
const WASM_PAGE: usize = 64 << 10;
/// Bytes set aside, while a program is loaded, for the message that begins an invocation; for a longer one the guest is
/// asked for a place.
const INBOX_BYTES: u32 = 16 << 10;
/// Where more may have been written to, it pays to look now and then whether it was.
const MANY_BYTES: usize = 64 << 10;
/// Fuel for setting them aside; that takes some hundreds.
const INBOX_FUEL: u64 = 1_000_000;

/// The guest answered with more than it may; nothing of it was read.
#[derive(Debug, thiserror::Error)]
#[error("the guest answered with {0} bytes")]
pub(crate) struct AnswerTooLong(u32);

/// The guest, ready to be instantiated.
pub(crate) struct Guest<P: 'static> {
    pub(crate) pre: InstancePre<State<P>>,
    pub(crate) places: ExportPlaces,
}

pub(crate) struct Instance<P: 'static> {
    /// Both are dropped before the store, which gives the memory back.
    watched: Option<Watched>,
    frugal: Option<Frugal>,
    store: Store<State<P>>,
    exports: Exports,
    /// Whether it was taken from those that are kept.
    pub(crate) was_kept_to_use: bool,
}

impl<P: Platform> Instance<P> {
    /// Takes a slot of the pool; the caller holds the permit for it.
    pub(crate) async fn fresh(
        engine: &Engine,
        guest: &Guest<P>,
        limiter: MemoryLimiter,
        thinning: Option<Thinning>,
    ) -> wasmtime::Result<Self> {
        let mut store = Store::new(engine, State::new(limiter, thinning));
        store.limiter(|state| &mut state.limiter);
        let instance = guest.pre.instantiate_async(&mut store).await?;
        let exports = guest.places.exports(&mut store, &instance)?;
        store.data_mut().memory = Some(exports.memory);
        Ok(Self { watched: None, frugal: None, store, exports, was_kept_to_use: false })
    }

    /// Has a new instance take no more of what all share than it needs.
    pub(crate) fn be_frugal(&mut self, frugality: &Frugality) {
        let frugal = frugality.register(self.memory());
        self.frugal =
            frugal.inspect_err(|error| tracing::warn!(%error, "an instance's memory takes more than it needs")).ok();
    }

    /// Has it told from now on which pages are written to, so that an instance that is at its image can be brought back to it.
    pub(crate) fn watch(&mut self, image: &Image, watch: &Watch) {
        self.watched = watch.begin(self.exports.memory.data_mut(&mut self.store), image.learned.written());
        let Some(watched) = &self.watched else { return };
        self.store.data_mut().watched = Some(Arc::clone(watched.pages()));
        let pages = Arc::clone(watched.pages());
        // SAFETY: what it does is safe in a signal's handler, and the kernel has filled in what it reads: the address of
        // a fault.
        #[expect(unsafe_code, reason = "wasmtime hands signals on only so")]
        unsafe {
            self.store.set_signal_handler(move |signal, info, _| {
                signal == Signal::SEGV.as_raw() && pages.fault((*info).si_addr().addr())
            });
        }
    }

    /// What a source imports.
    pub(crate) async fn imports(
        &mut self,
        source: &str,
        fuel: u64,
    ) -> wasmtime::Result<Result<Vec<ImportStatement>, Diagnostic>> {
        let message = picloud_abi::encode(&source);
        self.start(fuel)?;
        let place = self.give(&message).await?;
        self.run(self.exports.imports.clone(), place, IMPORTS_BYTES).await
    }

    /// Compiles a program and keeps it.
    pub(crate) async fn load(&mut self, program: &Program, fuel: u64) -> wasmtime::Result<Result<Runtime, Diagnostic>> {
        let message = picloud_abi::encode(program);
        self.start(fuel)?;
        let place = self.give(&message).await?;
        self.run(self.exports.load.clone(), place, DIAGNOSTIC_BYTES).await
    }

    /// What loading has changed since the instance was fresh.
    pub(crate) async fn image(&mut self, fresh: &[u8], runtime: Runtime) -> wasmtime::Result<Image> {
        self.start(INBOX_FUEL)?;
        let ptr = self.exports.alloc.call_async(&mut self.store, INBOX_BYTES).await?;
        let stack_pointer = self.stack_pointer()?;
        Ok(Image::between(fresh, self.memory(), stack_pointer, Packed { ptr, len: INBOX_BYTES }, runtime))
    }

    /// Puts a loaded program into a fresh instance.
    pub(crate) fn write(&mut self, image: &Image) -> wasmtime::Result<()> {
        let memory = self.exports.memory;
        let missing = image.memory_bytes().saturating_sub(memory.data_size(&self.store));
        if missing > 0 {
            memory.grow(&mut self.store, missing.div_ceil(WASM_PAGE) as u64)?;
        }
        image.write(memory.data_mut(&mut self.store));
        Ok(())
    }

    /// Runs the program that is in place.
    pub(crate) async fn invoke(
        &mut self,
        image: &Image,
        platform: P,
        trigger: &Trigger,
        started: Instant,
        limits: &Limits,
        allowances: Allowances,
    ) -> wasmtime::Result<Outcome> {
        let message = picloud_abi::encode(trigger);
        let state = self.store.data_mut();
        state.limiter.limit = limits.memory;
        state.running = Some(Running::new(platform, started, limits, allowances));
        self.start(limits.fuel)?;
        let place = match image.inbox(message.len()) {
            Some(place) => {
                seam::write(&self.exports.memory, &mut self.store, place, &message)?;
                place
            }
            None => self.give(&message).await?,
        };
        // A long one is not held twice while the program runs.
        drop(message);
        self.run(self.exports.invoke.clone(), place, limits.response_body.saturating_add(BESIDE_BODY_BYTES)).await
    }

    fn start(&mut self, fuel: u64) -> wasmtime::Result<()> {
        let mut full = Fuel::new(self.exports.fuel);
        full.fill(&mut self.store, fuel)?;
        self.store.data_mut().fuel = Some(full);
        Ok(())
    }

    /// Writes a message to a place that the guest sets aside.
    async fn give(&mut self, message: &[u8]) -> wasmtime::Result<Packed> {
        let len = u32::try_from(message.len())?;
        let ptr = self.exports.alloc.call_async(&mut self.store, len).await?;
        let place = Packed { ptr, len };
        seam::write(&self.exports.memory, &mut self.store, place, message)?;
        Ok(place)
    }

    async fn run<T: DeserializeOwned>(
        &mut self,
        step: Step,
        Packed { ptr, len }: Packed,
        answer_bytes: usize,
    ) -> wasmtime::Result<T> {
        let place = Packed::from(step.call_async(&mut self.store, (ptr, len)).await?);
        if place.len as usize > answer_bytes {
            return Err(wasmtime::Error::new(AnswerTooLong(place.len)));
        }
        Ok(picloud_abi::decode(bytes_at(&self.exports.memory, &self.store, place)?)?)
    }

    /// Brings an instance that has returned from an invocation back to its image: what was written is as in a fresh
    /// instance, with the image on top. Says whether it is; if not, the instance is good for nothing more.
    ///
    /// Memory and the stack pointer are all the state that the guest has beside the count of fuel, which each step begins with
    /// its own: it changes no table and no other global.
    pub(crate) fn restore(&mut self, image: &Image, fresh: &[u8]) -> bool {
        let Some(watched) = &self.watched else { return false };
        let memory = self.exports.memory.data_mut(&mut self.store);
        // It never has less than the image, nor the image less than a fresh one. What loading or running added is taken
        // from all instances; none that only waits may hold it.
        let (true, Some(written)) = (memory.len() == fresh.len(), watched.written()) else {
            image.learned.one_was_in_vain();
            return false;
        };
        if written.bytes() > MANY_BYTES && image.learned.looks_at_this() {
            // One that wrote to much must not make all that come after it dear.
            let left = written.only(|page| image.is_within(page, fresh, memory));
            if left.bytes() > written.bytes() / 2 {
                watched.close(&left);
                image.learned.one_left(&left);
            }
        }
        for range in written.ranges() {
            memory[range.clone()].copy_from_slice(&fresh[range.clone()]);
            image.write_within(range, memory);
        }
        image.learned.one_wrote(written);
        self.stack_pointer().is_ok_and(|pointer| pointer == image.stack_pointer())
    }

    /// The whole linear memory.
    pub(crate) fn memory(&self) -> &[u8] {
        self.exports.memory.data(self.store.as_context())
    }

    /// Fuel that is left of what the last step was given.
    pub(crate) fn fuel_left(&mut self) -> u64 {
        self.store.data().fuel.map_or(0, |fuel| fuel.left(&mut self.store))
    }

    /// Bytes of linear memory. It never shrinks, so this is also the most that there was.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.exports.memory.data_size(self.store.as_context())
    }

    /// What the guest said before it trapped.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.store.data().fault.as_deref()
    }

    /// What the invocation counted, with its platform; none if nothing was invoked.
    pub(crate) fn take_running(&mut self) -> Option<Running<P>> {
        self.store.data_mut().running.take()
    }

    fn stack_pointer(&mut self) -> wasmtime::Result<usize> {
        let pointer = self.exports.stack_pointer.get(&mut self.store).i32();
        pointer
            .map(|pointer| pointer.cast_unsigned() as usize)
            .ok_or_else(|| format_err!("the stack pointer is no address"))
    }
}
