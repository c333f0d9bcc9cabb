//! What a script's requests mean: each goes to its capability.

use crate::{
    Clock,
    capability::{kv, log::Log, random, topics},
    turns::Place,
};
use picloud_abi::seam::{Answer, Request};
use picloud_host::Platform;
use picloud_shared::{
    executor::{Job, LogLine},
    ids::AppId,
};
use picloud_store::Store;

/// The platform as one invocation of one app sees it.
pub(crate) struct ScriptPlatform {
    store: Store,
    app: AppId,
    place: Place,
    clock: Clock,
    log: Log,
    random_bytes: u32,
    /// Of the event that started the invocation.
    depth: u32,
}

impl ScriptPlatform {
    pub(crate) fn new(store: Store, place: Place, clock: Clock, job: &Job) -> Self {
        let (log, random_bytes) = (Log::new(&job.limits), job.limits.random_bytes);
        Self { store, app: job.app, place, clock, log, random_bytes, depth: job.depth }
    }

    /// The log lines, and how many were dropped.
    pub(crate) fn into_logs(self) -> (Vec<LogLine>, u32) {
        self.log.into_lines()
    }
}

impl Platform for ScriptPlatform {
    async fn call(&mut self, request: Request) -> Answer {
        let answer = match request {
            Request::Log(entry) => {
                self.log.write((self.clock)(), entry);
                Ok(Answer::Done)
            }
            Request::Clock => Ok(Answer::Clock((self.clock)())),
            Request::Random(count) => random::draw(count, self.random_bytes).map(|bytes| Answer::Random(bytes.into())),
            Request::Kv(request) => {
                let answer = kv::answer(&self.store, self.app, (self.clock)(), request);
                self.place.without_turn(answer).await.map(Answer::Kv)
            }
            Request::Topics(request) => {
                let answer = topics::answer(&self.store, self.app, self.depth, request);
                self.place.without_turn(answer).await.map(Answer::Topics)
            }
            Request::Fault(_) => Ok(Answer::Done),
        };
        answer.unwrap_or_else(Answer::Refused)
    }
}
