//! One instance of the guest, from its slot of the pool to its end: `load` or `check`, then `invoke`.
//!
//! A script's image will take the place of `load`: written into the fresh instance between [`Instance::fresh`] and
//! [`Instance::invoke`].

use crate::{
    exports::Exports,
    limiter::MemoryLimiter,
    seam::{Platform, Running, State},
};
use picloud_abi::{
    Packed,
    invocation::{Diagnostic, Outcome, Program, Trigger},
};
use picloud_shared::limits::Limits;
use serde::de::DeserializeOwned;
use wasmtime::{AsContext, Engine, InstancePre, Store, TypedFunc, bail, format_err};

/// Fuel between two points where an instance lets others run: about a millisecond and a half.
const YIELD_FUEL: u64 = 10_000_000;
/// Longest message that is read from a guest.
const MESSAGE_BYTES: u32 = 64 << 20;

pub(crate) struct Instance<P: 'static> {
    store: Store<State<P>>,
    instance: wasmtime::Instance,
    exports: Exports,
}

impl<P: Platform> Instance<P> {
    /// Takes a slot of the pool; the caller holds the permit for it.
    pub(crate) async fn fresh(
        engine: &Engine,
        guest: &InstancePre<State<P>>,
        platform: P,
        memory_limit: usize,
    ) -> wasmtime::Result<Self> {
        let limiter = MemoryLimiter { limit: memory_limit };
        let mut store = Store::new(engine, State { platform, limiter, exports: None, running: None, fault: None });
        store.limiter(|state| &mut state.limiter);
        let instance = guest.instantiate_async(&mut store).await?;
        let memory =
            instance.get_memory(&mut store, "memory").ok_or_else(|| format_err!("the guest exports no memory"))?;
        let alloc = instance.get_typed_func(&mut store, "alloc")?;
        let exports = Exports { memory, alloc };
        store.data_mut().exports = Some(exports.clone());
        Ok(Self { store, instance, exports })
    }

    /// Compiles a program and keeps it.
    pub(crate) async fn load(&mut self, program: &Program, fuel: u64) -> wasmtime::Result<Result<(), Diagnostic>> {
        self.run("load", &picloud_abi::encode(program), fuel).await
    }

    /// Compiles a program and forgets it.
    pub(crate) async fn check(&mut self, program: &Program, fuel: u64) -> wasmtime::Result<Result<(), Diagnostic>> {
        self.run("check", &picloud_abi::encode(program), fuel).await
    }

    /// Runs the loaded program.
    pub(crate) async fn invoke(&mut self, trigger: &Trigger, limits: &Limits) -> wasmtime::Result<Outcome> {
        let trigger = picloud_abi::encode(trigger);
        self.store.data_mut().running = Some(Running::new(limits));
        self.run("invoke", &trigger, limits.fuel).await
    }

    async fn run<T: DeserializeOwned>(&mut self, export: &str, message: &[u8], fuel: u64) -> wasmtime::Result<T> {
        self.store.set_fuel(fuel)?;
        self.store.fuel_async_yield_interval(Some(YIELD_FUEL))?;
        let function: TypedFunc<(u32, u32), u64> = self.instance.get_typed_func(&mut self.store, export)?;
        let Packed { ptr, len } = self.exports.give(&mut self.store, message).await?;
        let place = Packed::from(function.call_async(&mut self.store, (ptr, len)).await?);
        if place.len > MESSAGE_BYTES {
            bail!("a message of {} bytes", place.len);
        }
        Ok(picloud_abi::decode(self.exports.bytes(&self.store, place)?)?)
    }

    /// Fuel that is left of what the last step was given.
    pub(crate) fn fuel_left(&self) -> u64 {
        self.store.get_fuel().unwrap_or(0)
    }

    /// Bytes of linear memory. It never shrinks, so this is also the most that there was.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.exports.memory.data_size(self.store.as_context())
    }

    /// What the guest said before it trapped.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.store.data().fault.as_deref()
    }

    /// Ends the instance; its slot is reset.
    pub(crate) fn finish(self) -> State<P> {
        self.store.into_data()
    }
}
