//! What an invocation leaves in memory is never in the next one: looked at from outside, where nothing is hidden.

use super::*;
use crate::{
    engine::{self, Target},
    host::Settings,
    limiter::NodeMemory,
    pool::Pool,
    seam::{self, Invoked, Left},
    thin::{
        DEEP, PATIENCE,
        tests::{Page, pages},
    },
};
use picloud_abi::{
    invocation::{Event, EventKind},
    outbound::Response,
    scripts,
    seam::{Answer, Request},
};
use rustix::mm::{Advice, madvise};
use std::{cell::Cell, ptr::from_ref};
use wasmtime::{Linker, Module};

thread_local! {
    /// Pages of its stack that the last call which was late had below itself when it was answered.
    static BELOW: Cell<usize> = const { Cell::new(0) };
}

struct Mute;

/// An address on the stack of who calls this, a little below what is alive there.
#[inline(never)]
fn on_the_stack() -> usize {
    let here = 0u8;
    from_ref(std::hint::black_box(&here)).addr()
}

impl Platform for Mute {
    async fn call(&mut self, request: Request) -> Answer {
        // A call that never ends: whoever waits for it is cancelled.
        if matches!(request, Request::Kv(_)) {
            std::future::pending::<()>().await;
        }
        if matches!(request, Request::Http(_)) {
            be_late().await;
            let (headers, body, url) = (Vec::new(), b"late".to_vec().into(), String::new());
            return Answer::Http(Response { status: 200, headers, body, url });
        }
        Answer::Done
    }

    async fn invoke(&mut self, _: scripts::Call, left: Left) -> Invoked {
        be_late().await;
        let answer = Answer::Scripts(scripts::Answer::Value("\"late\"".into()));
        Invoked { fuel: 0, allowances: left.allowances, answer: Some(answer) }
    }
}

/// Longer than who waits has patience; then looks at the stack.
async fn be_late() {
    tokio::time::sleep(PATIENCE * 2).await;
    let here = on_the_stack();
    BELOW.set(pages(here - DEEP..here).iter().filter(|page| **page != Page::Absent).count());
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
        5 => { let answer = http::get("http://slow/").text(); deep(50, answer) + text },
        6 => { let answer = scripts::invoke("slow", ()); deep(50, answer) + text },
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
    fn new() -> Self {
        let settings = Settings { slots: Some(1), memory: 32 << 20, ..Settings::default() };
        let pool = Pool { kept: 0, ..Pool::for_this_machine(&settings) };
        let engine = engine::build(Target::Native, &pool).unwrap();
        let module = Module::new(&engine, include_bytes!("../../../guest/prebuilt/guest.wasm")).unwrap();
        let mut linker = Linker::new(&engine);
        seam::link(&mut linker).unwrap();
        let guest = Guest { pre: linker.instantiate_pre(&module).unwrap(), places: ExportPlaces::of(&module).unwrap() };
        Self { engine, guest, memory_bytes: pool.memory_bytes }
    }

    async fn fresh(&self) -> Instance<Mute> {
        let limiter = MemoryLimiter::new(self.memory_bytes, NodeMemory::new(usize::MAX));
        Instance::fresh(&self.engine, &self.guest, limiter, None).await.unwrap()
    }

    async fn thinning(&self) -> Instance<Mute> {
        let mut instance = self.fresh().await;
        instance.store.data_mut().thinning = Some(Thinning::open().unwrap());
        instance
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

fn holds_canary(memory: &[u8]) -> bool {
    memory.windows(6).any(|window| window == b"CANARY")
}

#[tokio::test]
async fn a_slot_is_as_new_however_its_last_instance_ended() {
    let slot = Slot::new();
    let untouched = slot.fresh().await.memory().to_owned();
    let image = slot.image(&untouched, WRITER).await;
    let watch = Watch::default();
    for round in 0..80 {
        let (way, watched) = (round % 5, round % 2 == 0);
        let mut instance = slot.fresh().await;
        assert!(instance.memory() == untouched, "before round {round}");
        instance.write(&image).unwrap();
        if watched {
            instance.watch(&image, &watch);
        }
        match (way, invoke(&mut instance, &image, way).await) {
            (0, Some(Ok(Outcome::Value(text)))) => assert!(text.starts_with("\"CANARY")),
            (1 | 3, Some(Ok(Outcome::Failure(_)))) | (2, Some(Err(_))) | (4, None) => {}
            (way, ended) => panic!("way {way}: {ended:?}"),
        }
        assert!(holds_canary(instance.memory()), "way {way} left a mark to look for");
    }
    assert!(slot.fresh().await.memory() == untouched);
    assert_eq!(watch.mappings(), 0);
}

#[tokio::test]
async fn an_image_is_what_loading_leaves_and_restoring_brings_it_back() {
    let slot = Slot::new();
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

    let watch = Watch::default();
    for frugality in [None, Frugality::open().ok()] {
        let mut instance = slot.fresh().await;
        if let Some(frugality) = &frugality {
            instance.be_frugal(frugality);
            assert!(instance.frugal.is_some());
        }
        instance.write(&image).unwrap();
        assert!(instance.memory()[alive..] == after_load[alive..], "all but the dead part of the stack");
        let at_image = instance.memory().to_owned();
        // The first time nothing is known of what it writes to, the second time all.
        instance.watch(&image, &watch);
        for round in 0..60 {
            // Only those that return: 0 with a value, 1 and 3 with a failure.
            let way = [0, 1, 3][round % 3];
            let outcome = invoke(&mut instance, &image, way).await.unwrap().unwrap();
            if way == 0 {
                assert_eq!((&outcome, instance.fuel_left()), (&ended, fuel), "round {round}");
            }
            assert!(holds_canary(instance.memory()));
            assert!(instance.restore(&image, &fresh));
            assert!(instance.memory() == at_image, "after round {round}");
        }
    }
}

/// What its memory has while it waits, after as long again as it has patience.
async fn invoke_and_look(instance: &mut Instance<Mute>, image: &Image, way: u32) -> (Outcome, u64, Vec<Page>, usize) {
    let memory = instance.memory().as_ptr().addr()..instance.memory().as_ptr_range().end.addr();
    let look = async {
        tokio::time::sleep(PATIENCE * 3 / 2).await;
        pages(memory)
    };
    let (outcome, pages) = tokio::join!(invoke(instance, image, way), look);
    (outcome.unwrap().unwrap(), instance.fuel_left(), pages, BELOW.get())
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_long_gives_back_what_it_has_not_written_and_goes_on_alike() {
    for way in [5, 6] {
        waits_for_long(way).await;
    }
}

async fn waits_for_long(way: u32) {
    let slot = Slot::new();
    let fresh = slot.fresh().await.memory().to_owned();
    let image = slot.image(&fresh, WRITER).await;
    let mut instance = slot.fresh().await;
    instance.write(&image).unwrap();
    let at_image = instance.memory().to_owned();
    drop(instance);

    let mut instance = slot.fresh().await;
    instance.write(&image).unwrap();
    let (outcome, fuel, all, below) = invoke_and_look(&mut instance, &image, way).await;
    let Outcome::Value(text) = &outcome else { panic!("{outcome:?}") };
    assert!(text.starts_with("\"lateCANARY"), "{text}");
    assert!(all.contains(&Page::OfAFile));
    drop(instance);

    let (watch, frugality) = (Watch::default(), Frugality::open().ok());
    for round in 0..4 {
        let mut instance = slot.thinning().await;
        assert!(instance.memory() == fresh);
        if let Some(frugality) = frugality.as_ref().filter(|_| round % 2 == 1) {
            instance.be_frugal(frugality);
        }
        instance.write(&image).unwrap();
        if round >= 2 {
            instance.watch(&image, &watch);
        }
        for _ in 0..3 {
            page_out(instance.memory());
            let (thin_outcome, thin_fuel, thin, thin_below) = invoke_and_look(&mut instance, &image, way).await;
            assert_eq!((&thin_outcome, thin_fuel), (&outcome, fuel));
            assert!(!thin.contains(&Page::OfAFile), "round {round}");
            let stays = |(before, now): (&Page, &Page)| *before != Page::Own || *now == Page::Own;
            assert!(all.iter().zip(&thin).all(stays), "round {round}: what was written stays");
            // Where pages are large there are too few of them to tell.
            let is_less = below < 8 || thin_below * 2 < below;
            assert!(is_less, "way {way}, round {round}: {thin_below} pages of stack, not {below}");
            if round < 2 {
                break;
            }
            assert!(instance.restore(&image, &fresh));
            assert!(instance.memory() == at_image, "round {round}");
        }
    }
    assert!(slot.fresh().await.memory() == fresh);

    let mut instance = slot.thinning().await;
    instance.write(&image).unwrap();
    tokio::select! {
        _ = invoke(&mut instance, &image, way) => panic!("it waits for longer"),
        () = tokio::time::sleep(PATIENCE * 3 / 2) => {}
    }
    drop(instance);
    assert!(slot.fresh().await.memory() == fresh, "cancelled meanwhile");
}

/// Where there is swap, all of it goes there; elsewhere what is still the file's alone.
#[tokio::test]
async fn what_the_kernel_takes_from_memory_meanwhile_is_brought_back_alike() {
    let slot = Slot::new();
    let fresh = slot.fresh().await.memory().to_owned();
    let image = slot.image(&fresh, WRITER).await;
    let watch = Watch::default();
    let mut instance = slot.fresh().await;
    instance.write(&image).unwrap();
    let at_image = instance.memory().to_owned();
    instance.watch(&image, &watch);
    for round in 0..20 {
        invoke(&mut instance, &image, round % 2 * 3).await.unwrap().unwrap();
        page_out(instance.memory());
        assert!(holds_canary(instance.memory()));
        page_out(instance.memory());
        assert!(instance.restore(&image, &fresh));
        page_out(instance.memory());
        assert!(instance.memory() == at_image, "after round {round}");
    }
    drop(instance);
    assert!(slot.fresh().await.memory() == fresh);
}

fn page_out(memory: &[u8]) {
    let start = memory.as_ptr().cast_mut().cast();
    // SAFETY: the memory has the same bytes afterwards.
    #[expect(unsafe_code, reason = "no library pages memory out")]
    unsafe { madvise(start, memory.len(), Advice::LinuxPageOut) }.unwrap();
}

#[tokio::test]
async fn an_instance_that_grew_or_wrote_much_is_not_kept_and_the_next_are_not_watched() {
    let slot = Slot::new();
    let fresh = slot.fresh().await.memory().to_owned();
    let watch = Watch::default();
    for source in ["blob(8000000).len()", "blob(900000, 7).len()"] {
        let image = slot.image(&fresh, source).await;
        let mut watched = Vec::new();
        for _ in 0..40 {
            let mut instance = slot.fresh().await;
            instance.write(&image).unwrap();
            if image.learned.watches_next() {
                instance.watch(&image, &watch);
            }
            watched.push(instance.watched.is_some());
            assert!(matches!(invoke(&mut instance, &image, 0).await, Some(Ok(Outcome::Value(_)))), "{source}");
            assert!(!instance.restore(&image, &fresh), "{source}");
        }
        assert_eq!(watched.iter().filter(|watched| **watched).count(), 2, "{source}: the first, and another later");
    }
}

#[tokio::test]
async fn watching_ends_where_memory_would_be_split_too_often() {
    let slot = Slot::new();
    let fresh = slot.fresh().await.memory().to_owned();
    let image = slot.image(&fresh, WRITER).await;
    let watch = Watch::default();
    // As if others had taken nearly all.
    watch.take(crate::watch::MAPPINGS - 4);
    let mut instance = slot.fresh().await;
    instance.write(&image).unwrap();
    instance.watch(&image, &watch);
    assert!(instance.watched.is_some());
    assert!(matches!(invoke(&mut instance, &image, 0).await, Some(Ok(Outcome::Value(_)))));
    assert!(!instance.restore(&image, &fresh));
    assert_eq!(watch.mappings(), crate::watch::MAPPINGS - 4, "what it had is given back");
    watch.take(4);
    drop(instance);
    let image = slot.image(&fresh, WRITER).await;
    let mut instance = slot.fresh().await;
    instance.write(&image).unwrap();
    instance.watch(&image, &watch);
    assert!(instance.watched.is_none());
    assert!(matches!(invoke(&mut instance, &image, 0).await, Some(Ok(Outcome::Value(_)))));
}

/// Nor more expensive: what only some write to is protected again.
#[tokio::test]
async fn one_that_writes_much_makes_those_after_it_no_larger() {
    let slot = Slot::new();
    let fresh = slot.fresh().await.memory().to_owned();
    let image = slot.image(&fresh, "blob(1000 * event.payload, 7).len()").await;
    let watch = Watch::default();
    let mut instance = slot.fresh().await;
    instance.write(&image).unwrap();
    let loaded = instance.memory().to_owned();
    instance.watch(&image, &watch);
    let mut invoke = async |thousands: u32| {
        let outcome = invoke(&mut instance, &image, thousands).await.unwrap().unwrap();
        assert_eq!(outcome, Outcome::Value((1000 * thousands).to_string()));
        assert!(instance.restore(&image, &fresh));
        assert!(instance.memory()[image.stack_pointer()..] == loaded[image.stack_pointer()..]);
        let written = instance.watched.as_ref().unwrap().written().unwrap().bytes();
        assert_eq!(image.learned.written().bytes(), written);
        written
    };
    let small = invoke(1).await;
    assert!(small < 64 << 10, "{small}");
    for thousands in [300, 90] {
        assert!(invoke(thousands).await > thousands as usize * 1000);
        let mut dear = 0;
        while invoke(1).await > small {
            dear += 1;
            assert!(dear < 200, "they stay dear");
        }
        assert!(watch.mappings() < 40, "{}", watch.mappings());
    }
    // Those that always write much are not watched anew each time.
    let mut closed = 0;
    for _ in 0..300 {
        closed += usize::from(invoke(300).await < 300_000);
    }
    assert_eq!(closed, 0);
    drop(instance);
    assert_eq!(watch.mappings(), 0);
}

/// The kernel joins again what protecting has split.
#[tokio::test]
async fn mappings_do_not_add_up() {
    let slot = Slot::new();
    let fresh = slot.fresh().await.memory().to_owned();
    let image = slot.image(&fresh, WRITER).await;
    let watch = Watch::default();
    let mappings = || std::fs::read_to_string("/proc/self/maps").unwrap().lines().count();
    let mut before = 0;
    for round in 0..300 {
        let mut instance = slot.fresh().await;
        instance.write(&image).unwrap();
        instance.watch(&image, &watch);
        invoke(&mut instance, &image, 0).await.unwrap().unwrap();
        assert!(instance.restore(&image, &fresh));
        drop(instance);
        if round == 100 {
            before = mappings();
        }
    }
    // Other tests of this program come and go meanwhile.
    assert!(mappings() < before + 150, "{before}, then {}", mappings());
}
