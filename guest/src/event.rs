//! `event`: what a script sees that no HTTP request started.

use crate::json;
use picloud_abi::invocation::{self, EventKind};
use rhai::{Dynamic, Engine};
use std::cell::OnceCell;

thread_local! {
    /// The one that started this invocation.
    static EVENT: OnceCell<invocation::Event> = const { OnceCell::new() };
}

/// Stands for the event that started the invocation: so `event` can be made before there is one.
#[derive(Clone)]
pub struct Event;

/// Has `event` stand for this one; an instance serves one invocation.
pub fn arrived(event: invocation::Event) {
    assert!(EVENT.with(|one| one.set(event)).is_ok(), "this instance has served an event");
}

fn look<T>(at: impl FnOnce(&invocation::Event) -> T) -> T {
    EVENT.with(|event| at(event.get().expect("only what an event started has `event`")))
}

pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Event>("Event")
        .register_get("id", |_: &mut Event| look(|event| event.id.clone()))
        .register_get("kind", |_: &mut Event| {
            look(|event| match event.kind {
                EventKind::Manual => "manual",
                EventKind::Topic => "topic",
                EventKind::Schedule => "schedule",
                EventKind::Invoke => "invoke",
            })
        })
        .register_get("topic", |_: &mut Event| look(|event| event.topic.clone().map_or(Dynamic::UNIT, Dynamic::from)))
        .register_get("scheduled_at", |_: &mut Event| {
            look(|event| event.scheduled_at.map_or(Dynamic::UNIT, Dynamic::from))
        })
        .register_get("payload", |_: &mut Event| look(|event| json::parse(&event.payload)))
        .register_get("attempt", |_: &mut Event| look(|event| i64::from(event.attempt)));
}
