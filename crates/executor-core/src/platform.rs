//! What a script's requests mean: each goes to its capability.

use crate::{
    CONTROL, Control, Gone, LocalExecutor,
    capability::{
        self,
        files::Files,
        kv,
        log::{Log, Room},
        random, scripts, secrets, topics, vars,
    },
    redaction::Redactions,
    settings::Settings,
    turns::Place,
    world::World,
};
use picloud_abi::{
    bounds::MESSAGE_BYTES,
    invocation::{Failure, Outcome},
    scripts::{self as contract, Call},
    seam::{Answer, Refusal, RefusalCode, Request},
};
use picloud_host::{Invoked, Left, Platform};
use picloud_shared::{
    executor::{Called, LogLine},
    ids::{AppId, InvocationId},
    limits::Limits,
    outbound::AllowedHosts,
};
use picloud_store::{AppSettings, Store};
use picloud_vault::Vault;
use std::{
    pin::{Pin, pin},
    sync::{Arc, Weak},
};

/// What the capabilities of all invocations share.
pub(crate) struct Services {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) settings: Settings,
    pub(crate) files: Files,
    /// What runs the scripts that are called.
    pub(crate) executor: Weak<LocalExecutor>,
    pub(crate) world: Arc<dyn World>,
}

/// An invocation, as far as its calls have to know it, and the scripts that it calls.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) id: InvocationId,
    pub(crate) app: AppId,
    pub(crate) outbound: AllowedHosts,
    pub(crate) limits: Arc<Limits>,
    /// Of the event that started it, or whatever called it.
    pub(crate) event_depth: u32,
    /// How many scripts have called one another until this.
    pub(crate) depth: u32,
    /// The same for a script and those that it calls: while one of them computes, the others wait.
    pub(crate) place: Place,
    pub(crate) cancelled: Gone,
    /// Answers what only a program that is run apart asks for, and no script that it calls.
    pub(crate) control: Option<Control>,
}

/// What goes from a caller to the script that it calls, and back with what that one has added.
#[derive(Clone)]
pub(crate) struct Inherited {
    /// The secrets that were read.
    pub(crate) redactions: Redactions,
    /// How much may be logged.
    pub(crate) room: Room,
}

/// What is left of a platform when its invocation has ended.
pub(crate) struct Remains {
    pub(crate) logs: Vec<LogLine>,
    pub(crate) logs_dropped: u32,
    pub(crate) called: Vec<Called>,
    pub(crate) inherited: Inherited,
}

/// The platform as one invocation of one app sees it.
pub(crate) struct ScriptPlatform {
    services: Arc<Services>,
    frame: Frame,
    log: Log,
    /// The app's, from the first look at them on.
    settings: Option<Arc<AppSettings>>,
    redactions: Redactions,
    called: Vec<Called>,
}

impl ScriptPlatform {
    pub(crate) fn new(services: Arc<Services>, frame: Frame, Inherited { redactions, room }: Inherited) -> Self {
        Self { services, frame, log: Log::new(room), settings: None, redactions, called: Vec::new() }
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

    pub(crate) fn into_remains(self) -> Remains {
        let inherited = Inherited { room: self.log.room, redactions: self.redactions };
        let (logs, logs_dropped) = self.log.into_lines();
        Remains { logs, logs_dropped, called: self.called, inherited }
    }

    /// The app's variables and secrets, the same for the whole invocation.
    async fn settings(&mut self) -> Result<Arc<AppSettings>, Refusal> {
        if let Some(settings) = &self.settings {
            return Ok(Arc::clone(settings));
        }
        let settings = match self.services.settings.known(self.frame.app) {
            Some(settings) => settings,
            None => {
                let read =
                    self.frame.place.without_turn(boxed(|| self.services.settings.read(self.frame.app)).as_mut()).await;
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

/// What asks the database, made in a place of its own: else all calls would be as large, on the heap and on the script's stack, those
/// too that wait for another server.
#[inline(never)]
fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::pin(make())
}

impl Platform for ScriptPlatform {
    async fn call(&mut self, request: Request) -> Answer {
        let Self { services, frame, .. } = &*self;
        let now = || services.world.now();
        let answer = match request {
            Request::Log(entry) => {
                self.log.write(now(), entry, &self.redactions);
                Ok(Answer::Done)
            }
            Request::Clock => Ok(Answer::Clock(now())),
            Request::Random(count) => random::draw(&*services.world, count, frame.limits.random_bytes)
                .map(|bytes| Answer::Random(bytes.into())),
            Request::Kv(request) => {
                let mut answer = boxed(|| kv::answer(&services.store, frame.app, &frame.limits, now(), request));
                frame.place.without_turn(answer.as_mut()).await.map(Answer::Kv)
            }
            Request::Topics(request) => {
                let mut answer = boxed(|| topics::answer(&services.store, frame.app, frame.event_depth, request));
                frame.place.without_turn(answer.as_mut()).await.map(Answer::Topics)
            }
            Request::Http(request) => {
                let answer = pin!(services.world.send(frame.app, &frame.outbound, frame.limits.response_body, request));
                frame.place.without_turn(answer).await.map(Answer::Http)
            }
            Request::Files(request) => {
                let mut answer = boxed(|| services.files.answer(frame.app, now(), request));
                let answered = frame.place.without_turn(answer.as_mut()).await;
                // The turn to go on has come by now.
                answered.map(|(answer, _on_its_way)| Answer::Files(answer))
            }
            Request::Vars(request) => {
                let settings = self.settings().await;
                settings.and_then(|settings| vars::answer(&settings, request)).map(Answer::Vars)
            }
            Request::Secrets(request) => match self.settings().await {
                Ok(settings) => {
                    let Self { services, frame, redactions, .. } = self;
                    secrets::answer(&services.vault, frame.app, &settings, redactions, request).map(Answer::Secrets)
                }
                Err(refusal) => Err(refusal),
            },
            // Both end at the seam, which counts the one and keeps the other.
            Request::Scripts(_) | Request::Fault(_) => {
                Err(capability::refuse(RefusalCode::Unavailable, "this is no call of a capability"))
            }
        };
        answer.unwrap_or_else(Answer::Refused)
    }

    async fn invoke(&mut self, call: Call, left: Left) -> Invoked {
        let allowances = left.allowances.clone();
        if let Some(control) = self.frame.control.clone().filter(|_| call.script.starts_with(CONTROL)) {
            let answer = match self.frame.place.without_turn(pin!(control(call))).await {
                Ok(value) => Answer::Scripts(contract::Answer::Value(value)),
                Err(refusal) => Answer::Refused(refusal),
            };
            return Invoked { fuel: 0, allowances, answer: Some(answer) };
        }
        let inherited = Inherited { redactions: self.redactions.clone(), room: self.log.room };
        match scripts::invoke(&self.services, &self.frame, inherited, call, left).await {
            Ok(scripts::Ran { invoked, called, inherited }) => {
                self.redactions = inherited.redactions;
                self.log.room = inherited.room;
                self.called.extend(called);
                invoked
            }
            Err(refusal) => Invoked::refused(allowances, refusal),
        }
    }
}
