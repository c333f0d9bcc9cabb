//! What a test asks for while it runs: requests and events for the scripts of its app, and another world. What has to be so is in `assertions`.

use super::{
    assertions::{equal, holds, plain, status, within},
    world::TestWorld,
};
use crate::{
    scratch::Scratch,
    watched::{Ran, Watched},
};
use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{Request, header},
};
use picloud_abi::{
    invocation::{Event, EventKind, Outcome, Trigger},
    outbound,
    scripts::Call,
    seam::{Refusal, RefusalCode},
};
use picloud_executor_core::{CONTROL, World as _};
use picloud_shared::{
    executor::{Executor, Job, Report},
    ids::{AppId, InvocationId, VersionId},
    limits::Limits,
    names::{AppSlug, ScriptName},
    outbound::AllowedHosts,
    outcome,
    time::now_ms,
};
use picloud_store::{Occasion, Settlement};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    future::pending,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tower::Service;

/// Deliveries that one call makes: scripts that publish for each other for ever are found out.
const DELIVERIES: usize = 1_000;
/// How long a delivery may take, in milliseconds.
const LEASE_MS: i64 = 60_000;

/// Runs what tests ask for.
pub(crate) struct Harness {
    pub(crate) scratch: Scratch,
    pub(crate) world: Arc<TestWorld>,
    pub(crate) app: AppId,
    pub(crate) slug: AppSlug,
    /// Those in force.
    pub(crate) limits: Arc<Limits>,
    pub(crate) executor: Arc<Watched>,
    pub(crate) door: Router,
    pub(crate) runs: Runs,
    case: Mutex<Case>,
}

/// Invocations of scripts, in the order in which they ended.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<Mutex<Vec<Kept>>>);

/// One of them.
#[derive(Clone)]
pub(crate) struct Kept {
    id: InvocationId,
    script: ScriptName,
    cause: String,
    fuel_limit: u64,
    report: Report,
}

/// What is known of the test that runs.
#[derive(Default)]
pub(crate) struct Case {
    /// The number of the call of `test::` that was made last.
    pub(crate) last: Option<usize>,
    /// What was not so first, and at which call.
    pub(crate) failed: Option<(usize, String)>,
}

/// What each call gives.
#[derive(Deserialize)]
struct Asked {
    at: usize,
    given: Value,
}

/// What a call comes to.
pub(super) type Answer = Result<Value, Refusal>;

impl Runs {
    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keep(&self, Ran { id, script, cause, fuel_limit, report }: Ran) {
        self.lock().push(Kept { id, script, cause, fuel_limit, report: report.clone() });
    }

    fn of(&self, id: InvocationId) -> Option<Kept> {
        self.lock().iter().rev().find(|kept| kept.id == id).cloned()
    }

    /// Those that failed, and were not meant to as far as they say.
    pub(crate) fn each_failed(&self, mut see: impl FnMut(Ran)) {
        for Kept { id, script, cause, fuel_limit, report } in &*self.lock() {
            if !matches!(outcome::word(&report.outcome), outcome::OK | "thrown") {
                let (id, script, cause, fuel_limit) = (*id, script.clone(), cause.clone(), *fuel_limit);
                see(Ran { id, script, cause, fuel_limit, report });
            }
        }
    }
}

impl Harness {
    pub(crate) fn new(
        scratch: Scratch,
        world: Arc<TestWorld>,
        (app, slug): (AppId, AppSlug),
        limits: Arc<Limits>,
        (executor, door, runs): (Arc<Watched>, Router, Runs),
    ) -> Self {
        Self { scratch, world, app, slug, limits, executor, door, runs, case: Mutex::default() }
    }

    /// Everything as the next test is to find it.
    pub(crate) async fn reset(&self) -> Result<()> {
        self.scratch.store.empty_app(self.app).await.context("emptying the app")?;
        self.world.reset();
        self.runs.lock().clear();
        *self.case() = Case::default();
        Ok(())
    }

    pub(crate) fn case(&self) -> MutexGuard<'_, Case> {
        self.case.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one call.
    pub(crate) async fn answer(&self, Call { script, payload }: Call) -> Result<String, Refusal> {
        let what = script.strip_prefix(CONTROL).unwrap_or(&script);
        let Asked { at, given } = serde_json::from_str(&payload).map_err(|error| failed(error.to_string()))?;
        self.case().last = Some(at);
        let answer = match what {
            "request" => self.request(read(given)?).await,
            "run" => self.run(read(given)?, EventKind::Manual).await,
            "tick" => self.run(read(given)?, EventKind::Schedule).await,
            "deliver" => self.deliver().await,
            "set_time" => {
                self.world.set_time(read(given)?);
                Ok(Value::Null)
            }
            "advance" => Ok(self.world.advance(read(given)?).into()),
            "seed" => {
                self.world.seed(read(given)?);
                Ok(Value::Null)
            }
            "upstream" => self.upstream(read(given)?),
            "sent" => Ok(self.world.take_sent().iter().map(sent).collect()),
            "set_var" => self.set_var(read(given)?).await,
            "set_secret" => self.set_secret(read(given)?).await,
            "check" => holds(read(given)?),
            "equal" => equal(&given),
            "status" => status(&given),
            "fuel" => within(&given, "fuel", "fuel_limit", "fuel"),
            "memory" => within(&given, "memory_bytes", "memory_limit", "memory"),
            other => Err(failed(format!("there is no test::{other}"))),
        };
        if let Err(refusal) = &answer {
            self.case().failed.get_or_insert_with(|| (at, refusal.message.clone()));
        }
        answer.map(|answer| answer.to_string())
    }

    async fn request(&self, WantedRequest { method, path, options }: WantedRequest) -> Answer {
        let mut request = Request::builder()
            .method(method.as_str())
            .uri(&path)
            .header(header::HOST, format!("{}.localhost", self.slug));
        let Options { headers, body } = options;
        let (kind, body) = match body {
            Value::Null => (None, String::new()),
            Value::String(text) => (None, text),
            other => (Some("application/json"), other.to_string()),
        };
        // As every client says it.
        if !body.is_empty() {
            request = request.header(header::CONTENT_LENGTH, body.len());
        }
        let typed = headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
        for (name, value) in headers {
            for value in several(value) {
                request = request.header(name.as_str(), value);
            }
        }
        if let Some(kind) = kind.filter(|_| !typed) {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(Body::from(body));
        let mut request = request.map_err(|error| failed(format!("{method} {path} is no request: {error}")))?;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)));
        let Ok(response) = Service::call(&mut self.door.clone(), request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|error| broken(error.to_string()))?;
        let text = String::from_utf8_lossy(&body);
        let headers: serde_json::Map<String, Value> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
            .collect();
        let id = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok()?.parse().ok());
        let mut answer = id
            .and_then(|id| self.runs.of(id))
            .map_or_else(|| json!({"outcome": "no script ran"}), |kept| self.told(&kept));
        answer["request"] = format!("{method} {path}").into();
        answer["status"] = parts.status.as_u16().into();
        answer["headers"] = headers.into();
        answer["json"] = serde_json::from_str(&text).unwrap_or(Value::Null);
        answer["text"] = text.into();
        Ok(answer)
    }

    async fn run(&self, WantedRun { script, payload }: WantedRun, kind: EventKind) -> Answer {
        let found =
            self.scratch.store.active_version(self.app, &script).await.map_err(|error| broken(error.to_string()))?;
        let (_, version) = found.ok_or_else(|| failed(format!("there is no script {script}")))?;
        let event = Event {
            id: InvocationId::new().to_string(),
            kind,
            payload: payload.to_string(),
            attempt: 1,
            topic: None,
            scheduled_at: (kind == EventKind::Schedule).then(|| self.world.now()),
        };
        self.event(script, version, event, 0).await
    }

    async fn event(&self, script: ScriptName, version: VersionId, event: Event, depth: u32) -> Answer {
        let (topic, payload) = (event.topic.clone(), event.payload.clone());
        let job = Job {
            id: InvocationId::new(),
            app: self.app,
            version,
            script,
            trigger: Trigger::Event(event),
            depth,
            limits: Arc::clone(&self.limits),
            outbound: AllowedHosts::default(),
        };
        let id = job.id;
        let run = Executor::invoke(&*self.executor, job, Box::pin(pending())).await;
        let report = run.map_err(|error| broken(error.to_string()))?;
        let mut answer = self.runs.of(id).map_or_else(|| json!({}), |kept| self.told(&kept));
        answer["value"] = match &report.outcome {
            Outcome::Value(value) => serde_json::from_str(value).unwrap_or(Value::Null),
            _ => Value::Null,
        };
        answer["topic"] = topic.into();
        answer["payload"] = serde_json::from_str(&payload).unwrap_or(Value::Null);
        Ok(answer)
    }

    /// Delivers what was published, and what is published for that, one after the other.
    async fn deliver(&self) -> Answer {
        let mut delivered = Vec::new();
        loop {
            let claimed = self.scratch.store.claim_deliveries(self.app, 1, LEASE_MS).await;
            let claimed = claimed.map_err(|error| broken(error.to_string()))?;
            let Some(claimed) = claimed.claimed.into_iter().next() else { return Ok(Value::Array(delivered)) };
            if delivered.len() >= DELIVERIES {
                return Err(failed(format!("more than {DELIVERIES} events were published for one another")));
            }
            let topic = match claimed.occasion {
                Occasion::Topic(topic) => Some(topic.to_string()),
                Occasion::Slot(_) => None,
            };
            let event = Event {
                id: claimed.lease.delivery.to_string(),
                kind: EventKind::Topic,
                payload: claimed.payload,
                attempt: claimed.attempt,
                topic,
                scheduled_at: None,
            };
            delivered.push(self.event(claimed.name, claimed.version, event, claimed.depth).await?);
            let settled = self.scratch.store.settle_delivery(&claimed.lease, Settlement::Done, &[]).await;
            settled.map_err(|error| broken(error.to_string()))?;
        }
    }

    fn upstream(&self, WantedUpstream { method, url, answer }: WantedUpstream) -> Answer {
        let (status, mut headers, body) = match answer {
            Value::Object(mut answer) if answer.contains_key("status") => {
                let status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok());
                let status = status.filter(|status| (100..=599).contains(status));
                let status = status.ok_or_else(|| failed("an answer's status is 100 to 599".to_owned()))?;
                let headers: serde_json::Map<String, Value> = match answer.remove("headers") {
                    Some(Value::Object(headers)) => headers,
                    _ => serde_json::Map::new(),
                };
                let headers = headers.into_iter().flat_map(|(name, value)| {
                    let name = name.to_ascii_lowercase();
                    several(value).into_iter().map(move |value| (name.clone(), value))
                });
                (status, headers.collect::<Vec<_>>(), answer.remove("body").unwrap_or(Value::Null))
            }
            body => (200, Vec::new(), body),
        };
        let (kind, body) = match body {
            Value::Null => (None, String::new()),
            Value::String(text) => (Some("text/plain; charset=utf-8"), text),
            other => (Some("application/json"), other.to_string()),
        };
        if let Some(kind) = kind.filter(|_| !headers.iter().any(|(name, _)| name == "content-type")) {
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        let answer = outbound::Response { status, headers, body: body.into_bytes().into(), url: String::new() };
        self.world.upstream(method.to_ascii_uppercase(), url, answer);
        Ok(Value::Null)
    }

    async fn set_var(&self, Setting { name, value }: Setting) -> Answer {
        let name = name.parse().map_err(|error| failed(format!("{name:?}: {error}")))?;
        let set = self.scratch.store.set_var(self.app, &name, &value, now_ms()).await;
        set.map_err(|error| broken(error.to_string()))?.map_err(|refused| failed(refused.to_string()))?;
        Ok(Value::Null)
    }

    async fn set_secret(&self, Setting { name, value }: Setting) -> Answer {
        let name = name.parse().map_err(|error| failed(format!("{name:?}: {error}")))?;
        let sealed = self.scratch.vault.seal(self.app, &name, &value).map_err(|error| broken(error.to_string()))?;
        let set = self.scratch.store.set_secret(self.app, &name, &sealed, now_ms()).await;
        set.map_err(|error| broken(error.to_string()))?.map_err(|refused| failed(refused.to_string()))?;
        Ok(Value::Null)
    }

    /// What a test sees of an invocation.
    fn told(&self, Kept { script, fuel_limit, report, .. }: &Kept) -> Value {
        let error = outcome::error(&report.outcome);
        let logs: Vec<Value> = report
            .logs
            .iter()
            .map(|line| {
                let fields =
                    line.fields.as_ref().and_then(|fields| serde_json::from_str(fields).ok()).unwrap_or(json!({}));
                json!({"level": format!("{:?}", line.level).to_lowercase(), "message": line.message, "fields": fields})
            })
            .collect();
        json!({
            "script": script,
            "outcome": outcome::word(&report.outcome),
            "status": outcome::status(&report.outcome),
            "error": error,
            "fuel": report.fuel,
            "fuel_limit": fuel_limit,
            "memory_bytes": report.memory_bytes,
            "memory_limit": self.limits.memory,
            "logs": logs,
        })
    }
}

#[derive(Deserialize)]
struct WantedRequest {
    method: String,
    path: String,
    options: Options,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    headers: serde_json::Map<String, Value>,
    #[serde(default)]
    body: Value,
}

#[derive(Deserialize)]
struct WantedRun {
    script: ScriptName,
    #[serde(default)]
    payload: Value,
}

#[derive(Deserialize)]
struct WantedUpstream {
    method: String,
    url: String,
    answer: Value,
}

#[derive(Deserialize)]
struct Setting {
    name: String,
    value: String,
}

fn several(value: Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(plain).collect(),
        value => vec![plain(&value)],
    }
}

fn sent(request: &outbound::Request) -> Value {
    let headers: serde_json::Map<String, Value> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let body = request.body.as_ref().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
    json!({"method": request.method, "url": request.url, "headers": headers, "body": body})
}

fn read<T: serde::de::DeserializeOwned>(given: Value) -> Result<T, Refusal> {
    serde_json::from_value(given).map_err(|error| failed(error.to_string()))
}

/// Something is not so, or asked for and cannot be.
pub(super) fn failed(message: String) -> Refusal {
    Refusal { code: RefusalCode::ScriptFailed, message }
}

/// The runner fails.
fn broken(message: String) -> Refusal {
    failed(format!("the runner failed: {message}"))
}
