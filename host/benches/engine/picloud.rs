//! A whole invocation, with a platform that answers from memory.

use picloud_abi::{
    invocation::{HttpRequest, Outcome, Program, Trigger},
    kv,
    seam::{Answer, Request},
};
use picloud_host::{Host, Image, Platform, Settings};
use picloud_shared::limits::Limits;
use std::{collections::BTreeMap, future::pending, sync::Arc};
use tokio::runtime::{Builder, Runtime};

pub(crate) const NAME: &str = "Ada";
pub(crate) const BODY: &str = r#"{"customer": "c-17", "currency": "EUR", "items": [
    {"sku": "a-1", "quantity": 2, "cents": 1299}, {"sku": "b-7", "quantity": 1, "cents": 450},
    {"sku": "c-3", "quantity": 12, "cents": 99}, {"sku": "d-9", "quantity": 3, "cents": 2500}]}"#;

pub(crate) struct PiCloud {
    runtime: Runtime,
    host: Host<Memory>,
    trigger: Trigger,
    limits: Limits,
}

impl PiCloud {
    pub(crate) fn start(new_instances: bool) -> Self {
        let limits = Limits { fuel: 5_000_000_000, ..Limits::default() };
        let settings = Settings { slots: Some(8), memory: limits.memory, new_instances, ..Settings::default() };
        let trigger = Trigger::Http(HttpRequest {
            id: "0190b3a0-0000-7000-8000-000000000000".into(),
            method: "POST".into(),
            path: "/bench".into(),
            params: vec![("name".into(), NAME.into())],
            query: Vec::new(),
            headers: vec![("host".into(), "localhost".into()), ("content-type".into(), "application/json".into())],
            body: BODY.as_bytes().to_vec().into(),
            ip: "127.0.0.1".into(),
            user: None,
        });
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, host: Host::new(&settings).expect("the host starts"), trigger, limits }
    }

    pub(crate) fn load(&self, source: &str) -> Arc<Image> {
        let program = Program { name: "bench".into(), source: source.to_owned(), imports: Vec::new() };
        Arc::new(self.runtime.block_on(self.host.load(&program)).expect("the host works").expect("the script compiles"))
    }

    /// The last answer's body.
    pub(crate) fn run(&self, image: &Arc<Image>, times: usize) -> Vec<u8> {
        self.runtime.block_on(async {
            let mut last = Vec::new();
            for _ in 0..times {
                let run = self.host.invoke(image, &self.trigger, Memory::default(), &self.limits, pending()).await;
                last = match run.expect("the host works").outcome {
                    Outcome::Response(response) => response.body.into_vec(),
                    other => panic!("{other:?}"),
                };
            }
            last
        })
    }
}

#[derive(Default)]
pub(crate) struct Memory {
    entries: BTreeMap<String, kv::Value>,
}

impl Platform for Memory {
    async fn call(&mut self, request: Request) -> Answer {
        match request {
            Request::Kv(kv::Request::Get(key)) => Answer::Kv(kv::Answer::Value(self.entries.get(&key).cloned())),
            Request::Kv(kv::Request::Set(set)) => {
                self.entries.insert(set.key, set.value);
                Answer::Kv(kv::Answer::Stored)
            }
            _ => Answer::Done,
        }
    }
}
