//! What a script's requests mean: each goes to its capability.

use crate::{
    Clock,
    capability::{http::Outbound, kv, log::Log, random, topics},
    turns::Place,
};
use picloud_abi::seam::{Answer, Request};
use picloud_host::Platform;
use picloud_shared::{
    executor::{Job, LogLine},
    ids::AppId,
    outbound::AllowedHosts,
};
use picloud_store::Store;
use std::sync::Arc;

/// What the capabilities of all invocations share.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) store: Store,
    pub(crate) outbound: Arc<Outbound>,
}

/// The platform as one invocation of one app sees it.
pub(crate) struct ScriptPlatform {
    services: Services,
    app: AppId,
    allowed: AllowedHosts,
    place: Place,
    clock: Clock,
    log: Log,
    random_bytes: u32,
    /// Of the event that started the invocation.
    depth: u32,
    response_body: usize,
}

impl ScriptPlatform {
    pub(crate) fn new(services: Services, job: &Job, place: Place, clock: Clock) -> Self {
        Self {
            services,
            app: job.app,
            allowed: job.outbound.clone(),
            place,
            clock,
            log: Log::new(&job.limits),
            random_bytes: job.limits.random_bytes,
            depth: job.depth,
            response_body: job.limits.response_body,
        }
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
                let answer = kv::answer(&self.services.store, self.app, (self.clock)(), request);
                self.place.without_turn(answer).await.map(Answer::Kv)
            }
            Request::Topics(request) => {
                let answer = topics::answer(&self.services.store, self.app, self.depth, request);
                self.place.without_turn(answer).await.map(Answer::Topics)
            }
            Request::Http(request) => {
                let answer = self.services.outbound.send(&self.allowed, self.response_body, request);
                self.place.without_turn(answer).await.map(Answer::Http)
            }
            Request::Fault(_) => Ok(Answer::Done),
        };
        answer.unwrap_or_else(Answer::Refused)
    }
}
