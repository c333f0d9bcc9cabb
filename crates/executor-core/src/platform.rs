//! What a script's requests mean: each goes to its capability.

use crate::{
    Clock,
    capability::{self, files, http::Outbound, kv, log::Log, random, secrets, topics, vars},
    redaction::Redactions,
    settings::Settings,
    turns::Place,
};
use picloud_abi::{
    bounds::MESSAGE_BYTES,
    invocation::{Failure, Outcome},
    seam::{Answer, Refusal, RefusalCode, Request},
};
use picloud_host::Platform;
use picloud_shared::{
    executor::{Job, LogLine},
    ids::AppId,
    outbound::AllowedHosts,
};
use picloud_store::{AppSettings, Store};
use picloud_vault::Vault;
use std::sync::Arc;

/// What the capabilities of all invocations share.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) settings: Arc<Settings>,
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
    /// The app's, from the first look at them on.
    settings: Option<Arc<AppSettings>>,
    redactions: Redactions,
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
            settings: None,
            redactions: Redactions::default(),
            random_bytes: job.limits.random_bytes,
            depth: job.depth,
            response_body: job.limits.response_body,
        }
    }

    /// An outcome whose error tells no secret that was read.
    pub(crate) fn without_secrets(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Failure(failure) => Outcome::Failure(Failure {
                message: self.redactions.applied_within(failure.message, MESSAGE_BYTES),
                ..failure
            }),
            other => other,
        }
    }

    /// The log lines, and how many were dropped.
    pub(crate) fn into_logs(self) -> (Vec<LogLine>, u32) {
        self.log.into_lines()
    }

    /// The app's variables and secrets, the same for the whole invocation.
    async fn settings(&mut self) -> Result<Arc<AppSettings>, Refusal> {
        if let Some(settings) = &self.settings {
            return Ok(Arc::clone(settings));
        }
        let settings = match self.services.settings.known(self.app) {
            Some(settings) => settings,
            None => {
                let read = self.place.without_turn(self.services.settings.read(self.app)).await;
                let read = read.map_err(|error| {
                    tracing::error!(%error, "an app's variables and secrets cannot be read");
                    capability::refuse(RefusalCode::Unavailable, "variables and secrets cannot be read now")
                })?;
                read.ok_or_else(|| capability::refuse(RefusalCode::Unavailable, "the app was deleted"))?
            }
        };
        Ok(Arc::clone(self.settings.insert(settings)))
    }
}

impl Platform for ScriptPlatform {
    async fn call(&mut self, request: Request) -> Answer {
        let answer = match request {
            Request::Log(entry) => {
                self.log.write((self.clock)(), entry, &self.redactions);
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
            Request::Files(request) => {
                let answer = files::answer(&self.services.store, self.app, (self.clock)(), request);
                self.place.without_turn(answer).await.map(Answer::Files)
            }
            Request::Vars(request) => {
                let settings = self.settings().await;
                settings.and_then(|settings| vars::answer(&settings, request)).map(Answer::Vars)
            }
            Request::Secrets(request) => match self.settings().await {
                Ok(settings) => {
                    let Self { services, app, redactions, .. } = self;
                    secrets::answer(&services.vault, *app, &settings, redactions, request).map(Answer::Secrets)
                }
                Err(refusal) => Err(refusal),
            },
            Request::Fault(_) => Ok(Answer::Done),
        };
        answer.unwrap_or_else(Answer::Refused)
    }
}
