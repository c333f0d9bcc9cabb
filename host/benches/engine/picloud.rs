//! A whole invocation in a fresh instance, with a platform that answers from memory.

use picloud_abi::{
    invocation::{HttpRequest, Outcome, Program, Trigger},
    kv,
    seam::{Answer, Request},
};
use picloud_host::{Host, Platform, Settings};
use picloud_shared::limits::Limits;
use std::{collections::BTreeMap, future::pending};
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
    pub(crate) fn start() -> Self {
        let limits = Limits { fuel: 5_000_000_000, ..Limits::default() };
        let settings = Settings { slots: Some(8), memory: limits.memory, ..Settings::default() };
        let trigger = Trigger::Http(HttpRequest {
            id: "0190b3a0-0000-7000-8000-000000000000".into(),
            method: "POST".into(),
            path: "/bench".into(),
            params: vec![("name".into(), NAME.into())],
            query: Vec::new(),
            headers: vec![("host".into(), "localhost".into()), ("content-type".into(), "application/json".into())],
            body: BODY.as_bytes().to_vec().into(),
            ip: "127.0.0.1".into(),
        });
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, host: Host::new(&settings).expect("the host starts"), trigger, limits }
    }

    pub(crate) fn program(&self, source: &str) -> Program {
        Program { name: "bench".into(), source: source.to_owned() }
    }

    /// The answer's body.
    pub(crate) fn run(&self, program: &Program) -> Vec<u8> {
        let run = self.host.invoke(program, &self.trigger, Memory::default(), &self.limits, pending());
        match self.runtime.block_on(run).expect("the host works").outcome {
            Outcome::Response(response) => response.body.into_vec(),
            other => panic!("{other:?}"),
        }
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
