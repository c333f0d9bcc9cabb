//! `topics`: events for the scripts of the app, stored before the call returns.

use super::refuse;
use picloud_abi::{
    seam::{Refusal, RefusalCode},
    topics::{Answer, Event, Request},
};
use picloud_shared::{
    events::checked_delay,
    ids::AppId,
    limits::TOPIC_DEPTH,
    names::{InvalidName, TopicName},
};
use picloud_store::{NewEvent, PublishRefused, Store};

/// `depth` is that of the event that started the invocation, 0 if none did.
pub(crate) async fn answer(store: &Store, app: AppId, depth: u32, request: Request) -> Result<Answer, Refusal> {
    let Request::Publish(event) = request;
    let published = store.publish(app, accepted(event, depth)?).await.map_err(|error| {
        tracing::error!(%error, "an event could not be published");
        refuse(RefusalCode::Unavailable, "events cannot be published now")
    })?;
    match published {
        Ok(deliveries) => Ok(Answer::Published(u32::try_from(deliveries.len()).unwrap_or(u32::MAX))),
        Err(full @ PublishRefused::QueueFull) => Err(refuse(RefusalCode::QueueFull, full.to_string())),
        Err(gone @ PublishRefused::NoSuchApp) => Err(refuse(RefusalCode::Unavailable, gone.to_string())),
    }
}

fn accepted(Event { topic, payload, key, delay_ms }: Event, depth: u32) -> Result<NewEvent, Refusal> {
    let topic: TopicName = topic.parse().map_err(|rule: InvalidName| refuse(RefusalCode::Invalid, rule.to_string()))?;
    let delay_ms = checked_delay(&payload, key.as_deref(), delay_ms).map_err(|invalid| {
        let code = if invalid.is_too_large() { RefusalCode::TooLarge } else { RefusalCode::Invalid };
        refuse(code, invalid.to_string())
    })?;
    if depth >= TOPIC_DEPTH {
        let message = format!("events that cause one another go {TOPIC_DEPTH} deep at most");
        return Err(refuse(RefusalCode::Quota, message));
    }
    Ok(NewEvent { topic, key, payload, delay_ms, depth: depth + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event { topic: "orders".into(), payload: "1".into(), key: None, delay_ms: 0 }
    }

    #[test]
    fn what_is_within_bounds_is_accepted() {
        let largest = Event {
            payload: "x".repeat(256 << 10),
            key: Some("k".repeat(512)),
            delay_ms: 30 * 24 * 3_600 * 1_000,
            ..event()
        };
        let accepted = accepted(largest, 15).unwrap();
        assert_eq!((accepted.depth, accepted.delay_ms), (16, 2_592_000_000));
    }

    #[test]
    fn what_is_not_is_refused_with_its_code() {
        for (bad, depth, code) in [
            (Event { topic: "a b".into(), ..event() }, 0, RefusalCode::Invalid),
            (Event { key: Some(String::new()), ..event() }, 0, RefusalCode::Invalid),
            (Event { delay_ms: 2_592_000_001, ..event() }, 0, RefusalCode::Invalid),
            (Event { delay_ms: u64::MAX, ..event() }, 0, RefusalCode::Invalid),
            (Event { payload: "x".repeat((256 << 10) + 1), ..event() }, 0, RefusalCode::TooLarge),
            (Event { key: Some("k".repeat(513)), ..event() }, 0, RefusalCode::TooLarge),
            (event(), 16, RefusalCode::Quota),
        ] {
            assert_eq!(accepted(bad, depth).unwrap_err().code, code);
        }
    }
}
