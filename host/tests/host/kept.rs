//! Which invocations run in an instance that was kept.

use crate::support::{InMemory, host_with, load, request};
use picloud_abi::invocation::{FailureCode, Outcome, Trigger};
use picloud_host::Settings;
use picloud_shared::limits::Limits;
use std::{
    future::{pending, ready},
    time::Duration,
};

#[tokio::test]
async fn only_an_instance_that_returned_is_kept_and_only_for_its_program() {
    let host = host_with(Settings { slots: Some(2), ..Settings::default() });
    let (a, b) = (load(&host, "1").await, load(&host, "1").await);
    let trigger = Trigger::Http(request());
    let limits = Limits { fuel: 3_000_000, ..Limits::default() };
    let invoke = async |image| {
        host.invoke(image, &trigger, InMemory::default(), &limits, pending()).await.unwrap();
        host.kept_and_new()
    };
    assert_eq!(
        [invoke(&a).await, invoke(&a).await, invoke(&b).await, invoke(&a).await],
        [(0, 1), (1, 1), (1, 2), (2, 2)]
    );

    let slow = || InMemory { stall: Duration::from_secs(3600), ..InMemory::default() };
    for (source, cancelled) in [("blob(1000000000)", false), ("kv::get(\"x\")", false), ("kv::get(\"x\")", true)] {
        let image = load(&host, source).await;
        let hasty = Limits { wall_time: Duration::from_millis(5), ..limits.clone() };
        for _ in 0..2 {
            let before = host.kept_and_new();
            if cancelled {
                host.invoke(&image, &trigger, slow(), &limits, ready(())).await.unwrap();
            } else {
                host.invoke(&image, &trigger, slow(), &hasty, pending()).await.unwrap();
            }
            assert_eq!(host.kept_and_new(), (before.0, before.1 + 1), "{source}");
        }
    }
    assert_eq!(host.free_slots(), 2);
}

/// If each were kept in place of the one that waits for its turn longest, none would be there when its turn comes.
#[tokio::test]
async fn where_more_programs_take_turns_than_are_kept_some_stay() {
    let host = host_with(Settings { slots: Some(2), ..Settings::default() });
    let mut images = Vec::new();
    for program in 0..80 {
        images.push(load(&host, &program.to_string()).await);
    }
    let (rounds, trigger) = (6, Trigger::Http(request()));
    for _ in 0..rounds {
        for image in &images {
            host.invoke(image, &trigger, InMemory::default(), &Limits::default(), pending()).await.unwrap();
        }
    }
    let (kept, new) = host.kept_and_new();
    assert!(kept > new, "{kept}, {new} in new ones");
}

#[tokio::test]
async fn none_is_kept_where_that_is_off() {
    let host = host_with(Settings { slots: Some(2), new_instances: true, ..Settings::default() });
    let image = load(&host, "1").await;
    for _ in 0..3 {
        let trigger = Trigger::Http(request());
        host.invoke(&image, &trigger, InMemory::default(), &Limits::default(), pending()).await.unwrap();
    }
    assert_eq!(host.kept_and_new(), (0, 3));
}

#[tokio::test]
async fn an_image_larger_than_the_limit_does_not_begin() {
    let host = host_with(Settings { slots: Some(1), ..Settings::default() });
    let image = load(&host, "1").await;
    let limits = Limits { memory: 1 << 20, ..Limits::default() };
    let run = host.invoke(&image, &Trigger::Http(request()), InMemory::default(), &limits, pending()).await.unwrap();
    let Outcome::Failure(failure) = run.outcome else { panic!("{:?}", run.outcome) };
    assert_eq!((failure.code, run.fuel), (FailureCode::OutOfMemory, 0));
}

#[tokio::test]
async fn an_image_that_grew_the_memory_is_not_kept() {
    let host = host_with(Settings { slots: Some(2), ..Settings::default() });
    let source = format!("fn g() {{ [{}] }} 1", "1,".repeat(60_000));
    let image = load(&host, &source).await;
    for _ in 0..3 {
        let trigger = Trigger::Http(request());
        host.invoke(&image, &trigger, InMemory::default(), &Limits::default(), pending()).await.unwrap();
    }
    assert_eq!(host.kept_and_new(), (0, 3));
}
