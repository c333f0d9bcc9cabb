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
use wasmtime::{AsContext, Engine, InstancePre, Store, TypedFunc, format_err};

/// Fuel between two points where an instance lets others run: about a millisecond and a half.
const YIELD_FUEL: u64 = 10_000_000;
/// Longest answer of `load` and `check`: a diagnostic.
const DIAGNOSTIC_BYTES: usize = 1 << 20;
/// What an outcome has beside a body: headers, a message, and room.
const BESIDE_BODY_BYTES: usize = 64 << 10;

/// The guest answered with more than it may; nothing of it was read.
#[derive(Debug, thiserror::Error)]
#[error("the guest answered with {0} bytes")]
pub(crate) struct AnswerTooLong(u32);

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
        self.run("load", &picloud_abi::encode(program), fuel, DIAGNOSTIC_BYTES).await
    }

    /// Compiles a program and forgets it.
    pub(crate) async fn check(&mut self, program: &Program, fuel: u64) -> wasmtime::Result<Result<(), Diagnostic>> {
        self.run("check", &picloud_abi::encode(program), fuel, DIAGNOSTIC_BYTES).await
    }

    /// Runs the loaded program.
    pub(crate) async fn invoke(&mut self, trigger: &Trigger, limits: &Limits) -> wasmtime::Result<Outcome> {
        let trigger = picloud_abi::encode(trigger);
        self.store.data_mut().running = Some(Running::new(limits));
        self.run("invoke", &trigger, limits.fuel, limits.response_body.saturating_add(BESIDE_BODY_BYTES)).await
    }

    async fn run<T: DeserializeOwned>(
        &mut self,
        export: &str,
        message: &[u8],
        fuel: u64,
        answer_bytes: usize,
    ) -> wasmtime::Result<T> {
        self.store.set_fuel(fuel)?;
        self.store.fuel_async_yield_interval(Some(YIELD_FUEL))?;
        let function: TypedFunc<(u32, u32), u64> = self.instance.get_typed_func(&mut self.store, export)?;
        let Packed { ptr, len } = self.exports.give(&mut self.store, message).await?;
        let place = Packed::from(function.call_async(&mut self.store, (ptr, len)).await?);
        if place.len as usize > answer_bytes {
            return Err(wasmtime::Error::new(AnswerTooLong(place.len)));
        }
        Ok(picloud_abi::decode(self.exports.bytes(&self.store, place)?)?)
    }

    /// The whole linear memory.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> &[u8] {
        self.exports.memory.data(self.store.as_context())
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

#[cfg(test)]
mod tests {
    //! What an instance leaves in its slot is never in the next one: looked at from outside, where nothing is hidden.

    use super::*;
    use crate::{
        engine::{self, Target},
        pool::Pool,
        seam,
    };
    use picloud_abi::{
        invocation::{Event, EventKind},
        seam::{Answer, Request},
    };
    use wasmtime::{Linker, Module};

    struct Mute;

    impl Platform for Mute {
        async fn call(&mut self, request: Request) -> Answer {
            // A call that never ends: whoever waits for it is cancelled.
            if matches!(request, Request::Kv(_)) {
                std::future::pending::<()>().await;
            }
            Answer::Done
        }
    }

    /// Leaves its mark on the heap and, by deep calls, on the stack; then ends in one of the ways there are.
    const WRITER: &str = r#"
        fn deep(n, text) { if n == 0 { text } else { deep(n - 1, text + "CANARY") } }
        let heap = []; for i in 0..300 { heap.push("CANARY-" + i); }
        let text = deep(50, "CANARY");
        switch event.payload {
            0 => text,
            1 => loop {},
            2 => loop { text += text; },
            _ => kv::get(text),
        }
    "#;

    fn holds_canary(memory: &[u8]) -> bool {
        memory.windows(6).any(|window| window == b"CANARY")
    }

    #[tokio::test]
    async fn a_slot_is_as_new_however_its_last_instance_ended() {
        // One slot: the next instance gets the very memory that the last one wrote.
        let pool = Pool { may_swap: Pool::for_this_machine(None, 1).may_swap, slots: 1, memory_bytes: 32 << 20 };
        let engine = engine::build(Target::Native, &pool).unwrap();
        let module = Module::new(&engine, include_bytes!("../../guest/prebuilt/guest.wasm")).unwrap();
        let mut linker = Linker::new(&engine);
        seam::link(&mut linker).unwrap();
        let guest = linker.instantiate_pre(&module).unwrap();
        let fresh = async || Instance::fresh(&engine, &guest, Mute, pool.memory_bytes).await.unwrap();

        let limits = Limits { fuel: 20_000_000, ..Limits::default() };
        let program = Program { name: "writer".into(), source: WRITER.into() };
        let untouched = fresh().await.memory().to_owned();
        assert!(!holds_canary(&untouched));
        for round in 0..400 {
            let way = round % 4;
            let mut instance = fresh().await;
            assert!(instance.memory() == untouched, "before round {round}");
            instance.load(&program, 1_000_000_000).await.unwrap().unwrap();
            let payload = way.to_string();
            let event = Event { id: "e".into(), kind: EventKind::Manual, payload, attempt: 1 };
            let trigger = Trigger::Event(event);
            let ended = tokio::select! {
                outcome = instance.invoke(&trigger, &limits) => Some(outcome),
                () = tokio::time::sleep(std::time::Duration::from_millis(50)), if way == 3 => None,
            };
            match (way, ended) {
                (0, Some(Ok(Outcome::Value(text)))) => assert!(text.starts_with("\"CANARY")),
                (1, Some(Ok(Outcome::Failure(_)))) | (2, Some(Err(_))) | (3, None) => {}
                (way, ended) => panic!("way {way}: {ended:?}"),
            }
            assert!(holds_canary(instance.memory()), "way {way} left a mark to look for");
        }
        assert!(fresh().await.memory() == untouched);
    }
}
