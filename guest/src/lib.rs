//! The guest: the Rhai interpreter behind `init`, `load` and `invoke`. It reaches the world only through
//! [`platform`], and knows nothing but the contract.
//!
//! `init` runs once, when the module is built; what it leaves in memory is part of the module. An instance serves one
//! program: `load`, then `invoke`. Results stay in memory, and nothing is freed: after an invocation the host
//! drops the instance, or brings its memory back to what `load` left.

mod api;
mod engine;
mod event;
mod failure;
mod heap;
mod imports;
mod json;
mod memory;
mod natives;
mod platform;
mod request;
mod response;
mod script;
mod watch;

use picloud_abi::invocation::{Diagnostic, Failure, FailureCode, ImportStatement, Outcome, Program, Trigger};
use rhai::{Dynamic, Engine, Module};
use script::Script;
use std::{cell::RefCell, mem, rc::Rc};

thread_local! {
    static ENGINE: RefCell<Option<Engine>> = const { RefCell::new(None) };
    static GLOBALS: RefCell<Option<Globals>> = const { RefCell::new(None) };
    static PROGRAM: RefCell<Option<Script>> = const { RefCell::new(None) };
}

/// What a script finds beside the language, by what started it. A global module's variables are seen inside functions, which a
/// scope's are not.
struct Globals {
    http: Rc<Module>,
    event: Rc<Module>,
}

/// Linear memory that `init` sets aside, so that ordinary invocations do not grow it.
const HEADROOM_BYTES: usize = 2 << 20;

/// Builds the interpreter. Called when the module is built, never at run time; calls no import.
#[unsafe(no_mangle)]
pub extern "C" fn init() {
    // Seen through a black box, or the compiler would leave both the asking and the giving back out.
    drop(std::hint::black_box(Vec::<u8>::with_capacity(HEADROOM_BYTES)));
    platform::report_panics();
    ENGINE.set(Some(engine::build()));
    let one = |name, value| {
        let mut module = Module::new();
        module.set_var(name, value);
        Rc::new(module)
    };
    GLOBALS.set(Some(Globals {
        http: one("req", Dynamic::from(request::Req)),
        event: one("event", Dynamic::from(event::Event)),
    }));
    // What a program needs lies together, not scattered over what is free of these pages.
    heap::start_afresh();
}

/// Sets aside `len` bytes for the host to write a message into.
#[unsafe(no_mangle)]
pub extern "C" fn alloc(len: u32) -> u32 {
    platform::set_aside(len as usize) as u32
}

/// Takes a source and answers `Result<Vec<ImportStatement>, Diagnostic>`: which scripts it imports.
#[unsafe(no_mangle)]
pub extern "C" fn imports(ptr: u32, len: u32) -> u64 {
    answer(&imports_of(ptr, len))
}

/// Takes a `Program`, keeps it compiled, and answers `Result<Runtime, Diagnostic>`.
#[unsafe(no_mangle)]
pub extern "C" fn load(ptr: u32, len: u32) -> u64 {
    let loaded = answer(&compile(ptr, len).map(|script| {
        let runtime = script.runtime();
        PROGRAM.set(Some(script));
        runtime
    }));
    heap::start_afresh();
    loaded
}

/// Takes a `Trigger`, runs the loaded program, and answers an `Outcome`.
#[unsafe(no_mangle)]
pub extern "C" fn invoke(ptr: u32, len: u32) -> u64 {
    answer(&match platform::read(ptr, len) {
        Ok(trigger) => run(trigger),
        Err(message) => crashed(message),
    })
}

fn imports_of(ptr: u32, len: u32) -> Result<Vec<ImportStatement>, Diagnostic> {
    let source: String = platform::take(ptr, len).map_err(whole)?;
    ENGINE.with_borrow(|engine| imports::of(engine.as_ref().ok_or_else(|| whole(NOT_BUILT.into()))?, &source))
}

fn compile(ptr: u32, len: u32) -> Result<Script, Diagnostic> {
    let program: Program = platform::take(ptr, len).map_err(whole)?;
    // What is imported runs now.
    watch::start();
    ENGINE.with_borrow_mut(|engine| Script::compile(engine.as_mut().ok_or_else(|| whole(NOT_BUILT.into()))?, program))
}

/// What concerns no single place.
fn whole(message: String) -> Diagnostic {
    Diagnostic { message, script: None, position: None }
}

/// Nothing of it is given back: the host discards all of it, and freeing what there is would only burn the caller's fuel.
fn run(trigger: Trigger) -> Outcome {
    let http = matches!(trigger, Trigger::Http(_));
    match trigger {
        Trigger::Http(request) => request::arrived(request),
        Trigger::Event(event) => event::arrived(event),
    }
    // Taken, not cloned: a count of who has it would lie on a page of its own.
    let globals = GLOBALS.take().map(|Globals { http: of_http, event }| {
        let (meant, other) = if http { (of_http, event) } else { (event, of_http) };
        mem::forget(other);
        meant
    });
    let ran = PROGRAM.with_borrow(|script| {
        let script = script.as_ref().ok_or("no program is loaded")?;
        ENGINE.with_borrow_mut(|engine| {
            let (engine, globals) = engine.as_mut().zip(globals).ok_or(NOT_BUILT)?;
            engine.register_global_module(globals);
            watch::start();
            let outcome = match script.run(engine) {
                Ok(value) if http => response::from_value(value).map(Outcome::Response),
                Ok(value) => response::result(&value).map(Outcome::Value),
                Err(error) => Err(error),
            };
            Ok(outcome.unwrap_or_else(|error| Outcome::Failure(failure::from_error(&error, script.name()))))
        })
    });
    ran.unwrap_or_else(|why: &str| crashed(why.into()))
}

const NOT_BUILT: &str = "the interpreter was not built";

fn crashed(message: String) -> Outcome {
    Outcome::Failure(Failure { code: FailureCode::Crashed, message, status: None, script: None, position: None })
}

fn answer<T: serde::Serialize>(message: &T) -> u64 {
    platform::leak(picloud_abi::encode(message)).into()
}
