//! `topics`: events for the scripts of the app that are subscribed.

use super::{Result, at, call, unexpected};
use picloud_abi::{
    seam,
    topics::{Answer, Event, Request},
};
use rhai::{Map, plugin::*};

/// What an event may have beside its payload.
#[derive(Default)]
struct Options {
    key: Option<String>,
    delay_ms: u64,
}

/// What is not known is refused, so that a misspelt one is not silently ignored.
fn options(map: Map) -> Result<Options> {
    let mut options = Options::default();
    for (name, value) in map {
        match name.as_str() {
            "key" => options.key = Some(value.into_string().map_err(|kind| format!("a key is a text, not {kind}"))?),
            "delay" => options.delay_ms = milliseconds(&value)?,
            _ => return Err(format!("an event has a key and a delay, but no {name}").into()),
        }
    }
    Ok(options)
}

fn milliseconds(seconds: &Dynamic) -> Result<u64> {
    let whole = seconds.as_int().ok().and_then(|seconds| u64::try_from(seconds).ok());
    whole
        .and_then(|seconds| seconds.checked_mul(1_000))
        .ok_or_else(|| format!("a delay is a whole number of seconds, not {seconds}").into())
}

fn send(topic: &str, payload: Dynamic, Options { key, delay_ms }: Options) -> Result<i64> {
    let payload = crate::json::stringify(&payload)?;
    let event = Event { topic: topic.into(), payload, key, delay_ms };
    match call(&seam::Request::Topics(Request::Publish(event)))? {
        seam::Answer::Topics(Answer::Published(scripts)) => Ok(scripts.into()),
        _ => unexpected(),
    }
}

#[export_module]
pub mod topics {
    /// Publishes an event; it has reached the disk when this returns. Gives the number of scripts that will get it.
    ///
    /// Example: `topics::publish("nobody-listens", #{n: 1})` → `0`
    #[rhai_fn(return_raw)]
    pub fn publish(context: NativeCallContext, topic: &str, payload: Dynamic) -> Result<i64> {
        at(&context, || send(topic, payload, Options::default()))
    }

    /// Publishes an event with a `key`, whose events stay in order, or a `delay` in seconds, or both.
    ///
    /// Example: `topics::publish("nobody-listens", #{n: 1}, #{key: "order-7", delay: 60})` → `0`
    #[rhai_fn(name = "publish", return_raw)]
    pub fn publish_with(context: NativeCallContext, topic: &str, payload: Dynamic, with: Map) -> Result<i64> {
        at(&context, || send(topic, payload, options(with)?))
    }
}
