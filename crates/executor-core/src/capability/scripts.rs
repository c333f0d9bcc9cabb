//! `scripts`: another script of the app runs at once, as an invocation of its own, within what is left to its caller.
//!
//! It computes in its caller's place, since that one waits meanwhile, and takes a slot or is refused: who holds one never
//! waits for another.

use super::refuse;
use crate::{
    LocalExecutor,
    images::Loaded,
    not_loaded,
    platform::{Frame, Inherited, ScriptPlatform, Services},
    programs::Active,
    reported,
};
use picloud_abi::{
    invocation::{Event, EventKind, Failure, FailureCode, Outcome, Trigger},
    scripts::{Answer, Call},
    seam::{self, Refusal, RefusalCode},
};
use picloud_host::{HostError, Invoked, Left};
use picloud_shared::{
    api::Diagnostic,
    executor::{BoxFuture, Called, ExecutorError, Report},
    ids::InvocationId,
    limits::{Limits, SCRIPT_DEPTH},
    names::{InvalidName, ScriptName},
    outcome,
};
use std::{mem, pin::pin, sync::Arc, time::Instant};

/// What a script that was called has left.
pub(crate) struct Ran {
    pub(crate) invoked: Invoked,
    /// Its own record, and those of the scripts that it called.
    pub(crate) called: Vec<Called>,
    pub(crate) inherited: Inherited,
}

/// Boxed, as a script that is called may call others.
pub(crate) fn invoke<'a>(
    services: &'a Arc<Services>,
    caller: &'a Frame,
    inherited: Inherited,
    call: Call,
    left: Left,
) -> BoxFuture<'a, Result<Ran, Refusal>> {
    Box::pin(async move {
        let until = Instant::now() + left.time;
        let name = accepted(&call, caller)?;
        let executor = services.executor.upgrade().ok_or_else(|| {
            refuse(RefusalCode::Unavailable, format!("{name} cannot be run now: the server is stopping"))
        })?;
        let found = caller.place.without_turn(pin!(executor.callee(caller, &name))).await;
        let (Active { script, version }, loaded) = found.map_err(|error| unavailable(&name, error))?;
        let frame = Frame {
            id: InvocationId::new(),
            limits: Arc::new(Limits {
                fuel: left.fuel,
                wall_time: until.saturating_duration_since(Instant::now()),
                ..Limits::clone(&caller.limits)
            }),
            depth: caller.depth + 1,
            control: None,
            ..caller.clone()
        };
        let (id, fuel_limit, started_at) = (frame.id, left.fuel, services.world.now());
        let (report, allowances, inherited) = match loaded {
            Err(diagnostic) => (Report::never_begun(not_loaded(diagnostic)), left.allowances, inherited),
            Ok(image) => {
                let (limits, cancelled) = (Arc::clone(&frame.limits), frame.cancelled.clone());
                let trigger = Trigger::Event(Event {
                    id: id.to_string(),
                    kind: EventKind::Invoke,
                    payload: call.payload,
                    attempt: 1,
                    topic: None,
                    scheduled_at: None,
                });
                let platform = ScriptPlatform::new(Arc::clone(services), frame, inherited);
                let run = executor.host.invoke_within(&image, &trigger, platform, &limits, left.allowances, cancelled);
                let run = run.await.map_err(|error| not_run(&name, &error))?;
                let allowances = run.allowances.clone();
                let (report, inherited) = reported(run);
                (report, allowances, inherited)
            }
        };
        let mut report = executor.with_complaint(report);
        let (fuel, answer) = (report.fuel, answer(&name, &mut report.outcome));
        let others = mem::take(&mut report.called);
        let own = Called { id, parent: caller.id, script, version, fuel_limit, started_at, report };
        let called = [own].into_iter().chain(others).collect();
        Ok(Ran { invoked: Invoked { fuel, allowances, answer }, called, inherited })
    })
}

impl LocalExecutor {
    /// The active version of a script, ready to run.
    async fn callee(&self, caller: &Frame, name: &ScriptName) -> Result<(Active, Loaded), ExecutorError> {
        let active = self.programs.active(caller.app, name).await?.ok_or(ExecutorError::NoSuchVersion)?;
        let loaded = self.image(caller.app, name, active.version).await?;
        Ok((active, loaded))
    }
}

fn accepted(call: &Call, caller: &Frame) -> Result<ScriptName, Refusal> {
    let name = call.script.parse().map_err(|rule: InvalidName| refuse(RefusalCode::Invalid, rule.to_string()))?;
    if caller.depth >= SCRIPT_DEPTH {
        let message = format!("scripts that call one another go {SCRIPT_DEPTH} deep at most");
        return Err(refuse(RefusalCode::Quota, message));
    }
    let (bytes, limit) = (call.payload.len(), caller.limits.request_body);
    if bytes > limit {
        return Err(refuse(RefusalCode::TooLarge, format!("the payload has {bytes} bytes of at most {limit}")));
    }
    Ok(name)
}

/// What the caller is told, taken from the outcome. What ends a script that was called for its time, or because nobody
/// waits any more, ends its caller too.
fn answer(name: &ScriptName, outcome: &mut Outcome) -> Option<seam::Answer> {
    match outcome {
        Outcome::Value(value) => Some(seam::Answer::Scripts(Answer::Value(mem::take(value)))),
        Outcome::Response(_) => Some(seam::Answer::Refused(broken(name, "an event was answered with a response"))),
        Outcome::Failure(Failure { code: FailureCode::Timeout | FailureCode::Cancelled, .. }) => None,
        Outcome::Failure(failure) => {
            let error = Diagnostic::from(failure.clone());
            let error = Diagnostic { script: error.script.or_else(|| Some(name.clone())), ..error };
            let message = format!("{name} failed: {}{}", error.message, outcome::place(&error));
            Some(seam::Answer::Refused(refuse(RefusalCode::ScriptFailed, message)))
        }
    }
}

fn unavailable(name: &ScriptName, error: ExecutorError) -> Refusal {
    match error {
        ExecutorError::NoSuchVersion => refuse(RefusalCode::NoSuchScript, format!("there is no script {name}")),
        ExecutorError::Overloaded => no_room(name),
        ExecutorError::Internal(error) => broken(name, &error),
    }
}

fn not_run(name: &ScriptName, error: &HostError) -> Refusal {
    match error {
        HostError::Overloaded => no_room(name),
        HostError::Engine(_) | HostError::NotInvoked => broken(name, &error.to_string()),
    }
}

fn no_room(name: &ScriptName) -> Refusal {
    refuse(RefusalCode::Unavailable, format!("this node has more to do than it can, and no room to run {name}"))
}

fn broken(name: &ScriptName, error: &str) -> Refusal {
    tracing::error!(error, script = %name, "a script that another called could not be run");
    refuse(RefusalCode::Unavailable, format!("{name} cannot be run now"))
}
