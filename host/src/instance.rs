//! One instance of the guest: a program is loaded into it, or its image written; then it is invoked, and perhaps brought
//! back to the image and invoked again.

use crate::{
    allowances::Allowances,
    exports::{ExportPlaces, Exports, Step, bytes_at},
    fuel::Fuel,
    image::Image,
    limiter::MemoryLimiter,
    seam::{Platform, Running, State},
    writes::{Tracked, Writes},
};
use picloud_abi::{
    Packed,
    invocation::{Diagnostic, ImportStatement, Outcome, Program, Runtime, Trigger},
};
use picloud_shared::limits::Limits;
use serde::de::DeserializeOwned;
use std::time::Instant;
use wasmtime::{AsContext, Engine, InstancePre, Store, format_err};

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
/// Fuel for setting them aside; that takes some hundreds.
const INBOX_FUEL: u64 = 1_000_000;
/// An instance whose invocations have written to more is not kept: bringing it back would cost about as much as
/// making a new one.
const WRITTEN_BYTES: usize = 512 << 10;

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
    /// Dropped before the store, which gives the memory back.
    tracked: Option<Tracked>,
    store: Store<State<P>>,
    exports: Exports,
}

impl<P: Platform> Instance<P> {
    /// Takes a slot of the pool; the caller holds the permit for it.
    pub(crate) async fn fresh(engine: &Engine, guest: &Guest<P>, limiter: MemoryLimiter) -> wasmtime::Result<Self> {
        let mut store = Store::new(engine, State::new(limiter));
        store.limiter(|state| &mut state.limiter);
        let instance = guest.pre.instantiate_async(&mut store).await?;
        let exports = guest.places.exports(&mut store, &instance)?;
        store.data_mut().memory = Some(exports.memory);
        Ok(Self { tracked: None, store, exports })
    }

    /// Has a new instance take no more of what all share than it needs.
    pub(crate) fn be_frugal(&mut self, writes: &Writes) {
        self.tracked = writes.page_by_page(self.memory());
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
        let trigger = picloud_abi::encode(trigger);
        let state = self.store.data_mut();
        state.limiter.limit = limits.memory;
        state.running = Some(Running::new(platform, started, limits, allowances));
        self.start(limits.fuel)?;
        let place = match image.inbox(trigger.len()) {
            Some(place) => {
                self.exports.memory.write(&mut self.store, place.ptr as usize, &trigger)?;
                place
            }
            None => self.give(&trigger).await?,
        };
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
        self.exports.memory.write(&mut self.store, ptr as usize, message)?;
        Ok(Packed { ptr, len })
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
    pub(crate) fn restore(&mut self, image: &Image, fresh: &[u8], writes: &Writes) -> bool {
        let memory = self.exports.memory.data_mut(&mut self.store);
        // It never has less than the image, nor the image less than a fresh one. What loading or running added is taken
        // from all instances; none that only waits may hold it.
        if memory.len() != fresh.len() {
            return false;
        }
        let Some(pages) = writes.to(memory, self.tracked.as_ref()) else { return false };
        let tracked = self.tracked.as_ref().is_some_and(Tracked::notes_writes);
        // Untracked, what the image brought along counts as written.
        let expected = if tracked { 0 } else { image.content_bytes() };
        if pages.ranges().map(|range| range.len()).sum::<usize>() > WRITTEN_BYTES + expected {
            return false;
        }
        for range in pages.ranges() {
            memory[range.clone()].copy_from_slice(&fresh[range.clone()]);
            image.write_within(range, memory);
        }
        if !tracked {
            self.tracked = writes.track(memory, self.tracked.take());
        }
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

#[cfg(test)]
mod tests {
    //! What an invocation leaves in memory is never in the next one: looked at from outside, where nothing is hidden.

    use super::*;
    use crate::{
        engine::{self, Target},
        host::{PageMapScan, Settings},
        limiter::NodeMemory,
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
            3 => throw text,
            _ => kv::get(text),
        }
    "#;

    /// One slot: the next instance gets the very memory that the last one wrote.
    struct Slot {
        engine: Engine,
        guest: Guest<Mute>,
        memory_bytes: usize,
    }

    impl Slot {
        fn new(page_map_scan: PageMapScan) -> Self {
            let settings = Settings { slots: Some(1), memory: 32 << 20, page_map_scan, ..Settings::default() };
            let pool = Pool { kept: 0, ..Pool::for_this_machine(&settings) };
            let engine = engine::build(Target::Native, &pool).unwrap();
            let module = Module::new(&engine, include_bytes!("../../guest/prebuilt/guest.wasm")).unwrap();
            let mut linker = Linker::new(&engine);
            seam::link(&mut linker).unwrap();
            let guest =
                Guest { pre: linker.instantiate_pre(&module).unwrap(), places: ExportPlaces::of(&module).unwrap() };
            Self { engine, guest, memory_bytes: pool.memory_bytes }
        }

        async fn fresh(&self) -> Instance<Mute> {
            let limiter = MemoryLimiter::new(self.memory_bytes, NodeMemory::new(usize::MAX));
            Instance::fresh(&self.engine, &self.guest, limiter).await.unwrap()
        }

        async fn image(&self, fresh: &[u8], source: &str) -> Image {
            let mut instance = self.fresh().await;
            let program = Program { name: "program".into(), source: source.into(), imports: Vec::new() };
            let runtime = instance.load(&program, 1_000_000_000).await.unwrap().unwrap();
            instance.image(fresh, runtime).await.unwrap()
        }
    }

    async fn invoke(instance: &mut Instance<Mute>, image: &Image, payload: u32) -> Option<wasmtime::Result<Outcome>> {
        let limits = Limits { fuel: 20_000_000, ..Limits::default() };
        let event = Event {
            id: "e".into(),
            kind: EventKind::Manual,
            payload: payload.to_string(),
            attempt: 1,
            topic: None,
            scheduled_at: None,
        };
        let trigger = Trigger::Event(event);
        tokio::select! {
            outcome = instance.invoke(image, Mute, &trigger, Instant::now(), &limits, Allowances::of(&limits)) => Some(outcome),
            () = tokio::time::sleep(std::time::Duration::from_millis(20)), if payload == 4 => None,
        }
    }

    fn writes() -> Option<Writes> {
        Writes::open()
            .inspect_err(|error| eprintln!("not tested, as this kernel is older than Linux 6.7: {error}"))
            .ok()
    }

    fn holds_canary(memory: &[u8]) -> bool {
        memory.windows(6).any(|window| window == b"CANARY")
    }

    #[tokio::test]
    async fn a_slot_is_as_new_however_its_last_instance_ended() {
        for scan in [PageMapScan::Auto, PageMapScan::Off] {
            let slot = Slot::new(scan);
            let untouched = slot.fresh().await.memory().to_owned();
            let image = slot.image(&untouched, WRITER).await;
            for round in 0..40 {
                let way = round % 5;
                let mut instance = slot.fresh().await;
                assert!(instance.memory() == untouched, "before round {round}");
                instance.write(&image).unwrap();
                match (way, invoke(&mut instance, &image, way).await) {
                    (0, Some(Ok(Outcome::Value(text)))) => assert!(text.starts_with("\"CANARY")),
                    (1 | 3, Some(Ok(Outcome::Failure(_)))) | (2, Some(Err(_))) | (4, None) => {}
                    (way, ended) => panic!("way {way}: {ended:?}"),
                }
                assert!(holds_canary(instance.memory()), "way {way} left a mark to look for");
            }
            assert!(slot.fresh().await.memory() == untouched);
        }
    }

    #[tokio::test]
    async fn an_image_is_what_loading_leaves_and_restoring_brings_it_back() {
        let slot = Slot::new(PageMapScan::Auto);
        let Some(writes) = writes() else { return };
        let fresh = slot.fresh().await.memory().to_owned();
        let image = slot.image(&fresh, WRITER).await;

        let mut loaded = slot.fresh().await;
        let program = Program { name: "program".into(), source: WRITER.into(), imports: Vec::new() };
        loaded.load(&program, 1_000_000_000).await.unwrap().unwrap();
        let again = loaded.image(&fresh, image.runtime()).await.unwrap();
        assert!(again == image, "loading does the same each time");
        let alive = image.stack_pointer();
        let after_load = loaded.memory().to_owned();
        let ended = invoke(&mut loaded, &image, 0).await.unwrap().unwrap();
        let fuel = loaded.fuel_left();
        drop(loaded);

        for frugal in [false, true] {
            let mut instance = slot.fresh().await;
            if frugal {
                instance.be_frugal(&writes);
                assert_eq!(instance.tracked.is_some(), writes.can_track());
            }
            instance.write(&image).unwrap();
            assert!(instance.memory()[alive..] == after_load[alive..], "all but the dead part of the stack");
            let at_image = instance.memory().to_owned();
            for round in 0..60 {
                // Only those that return: 0 with a value, 1 and 3 with a failure.
                let way = [0, 1, 3][round % 3];
                let outcome = invoke(&mut instance, &image, way).await.unwrap().unwrap();
                if way == 0 {
                    assert_eq!((&outcome, instance.fuel_left()), (&ended, fuel), "round {round}");
                }
                assert!(holds_canary(instance.memory()));
                assert!(instance.restore(&image, &fresh, &writes));
                assert_eq!(instance.tracked.as_ref().is_some_and(Tracked::notes_writes), writes.can_track());
                assert!(instance.memory() == at_image, "after round {round}");
            }
        }
    }

    #[tokio::test]
    async fn an_instance_that_grew_or_wrote_much_is_not_kept() {
        let slot = Slot::new(PageMapScan::Auto);
        let Some(writes) = writes() else { return };
        let fresh = slot.fresh().await.memory().to_owned();
        for source in ["blob(8000000).len()", "blob(900000, 7).len()"] {
            let image = slot.image(&fresh, source).await;
            let mut instance = slot.fresh().await;
            instance.write(&image).unwrap();
            assert!(matches!(invoke(&mut instance, &image, 0).await, Some(Ok(Outcome::Value(_)))), "{source}");
            assert!(!instance.restore(&image, &fresh, &writes), "{source}");
        }
    }
}
