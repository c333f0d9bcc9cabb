//! `event`: what a script sees that no HTTP request started.

use crate::json;
use picloud_abi::invocation::{self, EventKind};
use rhai::{Dynamic, Engine};
use std::rc::Rc;

#[derive(Clone)]
pub struct Event(Rc<invocation::Event>);

impl From<invocation::Event> for Event {
    fn from(event: invocation::Event) -> Self {
        Self(Rc::new(event))
    }
}

pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Event>("Event")
        .register_get("id", |event: &mut Event| event.0.id.clone())
        .register_get("kind", |event: &mut Event| match event.0.kind {
            EventKind::Manual => "manual",
            EventKind::Topic => "topic",
            EventKind::Schedule => "schedule",
            EventKind::Invoke => "invoke",
        })
        .register_get("topic", |event: &mut Event| event.0.topic.clone().map_or(Dynamic::UNIT, Dynamic::from))
        .register_get("scheduled_at", |event: &mut Event| event.0.scheduled_at.map_or(Dynamic::UNIT, Dynamic::from))
        .register_get("payload", |event: &mut Event| json::parse(&event.0.payload))
        .register_get("attempt", |event: &mut Event| i64::from(event.0.attempt));
}
