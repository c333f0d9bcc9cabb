//! One host for all tests of this binary, and a platform that keeps everything in memory.

use picloud_abi::{
    files,
    invocation::{Diagnostic, Failure, FailureCode, HttpRequest, Library, Outcome, Program, Response, Trigger},
    kv,
    log::Entry,
    outbound,
    seam::{Answer, Request},
    secrets, topics, vars,
};
use picloud_host::{Host, Image, Platform, Run, Settings, Target};
use picloud_shared::limits::Limits;
use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, OnceLock},
};

/// A platform for one invocation.
#[derive(Debug, Default)]
pub(crate) struct InMemory {
    pub(crate) kv: BTreeMap<String, kv::Value>,
    pub(crate) logs: Vec<Entry>,
    pub(crate) events: Vec<topics::Event>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Variables, and secrets too.
    pub(crate) settings: BTreeMap<String, String>,
    /// How long every call of the key-value store takes.
    pub(crate) stall: std::time::Duration,
}

impl Platform for InMemory {
    async fn call(&mut self, request: Request) -> Answer {
        match request {
            Request::Log(entry) => {
                self.logs.push(entry);
                Answer::Done
            }
            Request::Kv(request) => {
                tokio::time::sleep(self.stall).await;
                Answer::Kv(match request {
                    kv::Request::Get(key) => kv::Answer::Value(self.kv.get(&key).cloned()),
                    kv::Request::Set(set) => {
                        self.kv.insert(set.key, set.value);
                        kv::Answer::Stored
                    }
                    kv::Request::Delete(key) => kv::Answer::Deleted(self.kv.remove(&key).is_some()),
                    kv::Request::List(list) => {
                        kv::Answer::Keys(self.kv.keys().filter(|key| key.starts_with(&list.prefix)).cloned().collect())
                    }
                    kv::Request::Incr(incr) => kv::Answer::Number(incr.by),
                    kv::Request::CompareAndSet(_) => kv::Answer::Swapped(false),
                    kv::Request::Ttl(_) => kv::Answer::Left(None),
                    kv::Request::Expire(expire) => kv::Answer::Expires(self.kv.contains_key(&expire.key)),
                    kv::Request::GetMany(keys) => self.entries(|key| keys.iter().any(|asked| asked == key)),
                    kv::Request::SetMany(many) => {
                        self.kv.extend(many.entries.into_iter().map(|entry| (entry.key, entry.value)));
                        kv::Answer::Stored
                    }
                    kv::Request::Entries(list) => self.entries(|key| key.starts_with(&list.prefix)),
                })
            }
            Request::Topics(topics::Request::Publish(event)) => {
                self.events.push(event);
                Answer::Topics(topics::Answer::Published(2))
            }
            Request::Files(request) => Answer::Files(match request {
                files::Request::Read(path) => {
                    files::Answer::Content(self.files.get(&path).map(|data| data.clone().into()))
                }
                files::Request::Write(write) => {
                    self.files.insert(write.path, write.data.into_vec());
                    files::Answer::Written
                }
                files::Request::Delete(path) => files::Answer::Deleted(self.files.remove(&path).is_some()),
                files::Request::List(list) => files::Answer::Paths(
                    self.files.keys().filter(|path| path.starts_with(&list.prefix)).cloned().collect(),
                ),
                files::Request::Info(path) => files::Answer::Info(self.files.get(&path).map(|data| files::Info {
                    size: data.len() as u64,
                    sha256: "0".repeat(64),
                    updated_at: 1_700_000_000_000,
                })),
            }),
            Request::Vars(vars::Request::Get(name)) => {
                Answer::Vars(vars::Answer::Value(self.settings.get(&name).cloned()))
            }
            Request::Secrets(secrets::Request::Get(name)) => {
                Answer::Secrets(secrets::Answer::Value(self.settings.get(&name).cloned()))
            }
            // Tells what it was asked.
            Request::Http(request) => {
                let name = |(name, value): &(String, String)| format!("{name}: {value}");
                let headers = request.headers.iter().map(name).collect::<Vec<_>>().join("; ");
                let body = request.body.map(|body| String::from_utf8_lossy(&body).into_owned());
                let told = format!(
                    "{} {} [{headers}] {body:?} {:?} {:?}",
                    request.method, request.url, request.timeout_ms, request.redirects
                );
                Answer::Http(outbound::Response {
                    status: 201,
                    headers: ["a", "b", "c"].map(|value| ("set-cookie".into(), value.into())).into(),
                    body: told.into_bytes().into(),
                    url: request.url,
                })
            }
            Request::Clock => Answer::Clock(1_700_000_000_000),
            Request::Random(count) => Answer::Random(vec![7; count as usize].into()),
            Request::Scripts(_) | Request::Fault(_) => panic!("this reached the platform: {request:?}"),
        }
    }
}

/// Eight slots are enough to be concurrent and few enough to be used again and again.
pub(crate) const SLOTS: u32 = 8;

pub(crate) fn host() -> &'static Host<InMemory> {
    static HOST: OnceLock<Host<InMemory>> = OnceLock::new();
    HOST.get_or_init(|| host_for(Target::Native))
}

pub(crate) fn host_for(target: Target) -> Host<InMemory> {
    host_with(Settings { slots: Some(SLOTS), target, ..Settings::default() })
}

pub(crate) fn host_with(settings: Settings) -> Host<InMemory> {
    Host::new(&Settings { memory: Limits::default().memory, ..settings }).expect("the host starts")
}

pub(crate) fn program(source: &str) -> Program {
    program_with(source, &[])
}

/// A program with the names and the sources of its libraries, each after those that it imports.
pub(crate) fn program_with(source: &str, libraries: &[(&str, &str)]) -> Program {
    let library = |&(name, source): &(&str, &str)| Library { name: name.into(), source: source.into() };
    Program { name: "test".into(), source: source.into(), imports: libraries.iter().map(library).collect() }
}

/// The image of a program that compiles.
pub(crate) async fn load(host: &Host<InMemory>, source: &str) -> Arc<Image> {
    load_program(host, &program(source)).await
}

pub(crate) async fn load_program(host: &Host<InMemory>, program: &Program) -> Arc<Image> {
    Arc::new(host.load(program).await.expect("the host works").expect(&program.source))
}

pub(crate) fn request() -> HttpRequest {
    HttpRequest {
        id: "0190b3a0-0000-7000-8000-000000000000".into(),
        method: "POST".into(),
        path: "/greet/Ada".into(),
        params: vec![("name".into(), "Ada".into())],
        query: vec![("a".into(), "1".into()), ("b".into(), "two words".into())],
        headers: vec![("content-type".into(), "application/json".into()), ("cookie".into(), "sid=42; x=\"y\"".into())],
        body: br#"{"n": [1, 2.5, null]}"#.to_vec().into(),
        ip: "192.0.2.7".into(),
        user: Some("ada".into()),
    }
}

pub(crate) async fn run(source: &str) -> Run<InMemory> {
    run_with(source, &Limits::default()).await
}

pub(crate) async fn run_with(source: &str, limits: &Limits) -> Run<InMemory> {
    run_program(&program(source), limits).await
}

pub(crate) async fn run_program(program: &Program, limits: &Limits) -> Run<InMemory> {
    let (image, trigger) = (load_program(host(), program).await, Trigger::Http(request()));
    host().invoke(&image, &trigger, InMemory::default(), limits, pending()).await.expect("the host works")
}

pub(crate) async fn respond(source: &str) -> Response {
    match run(source).await.outcome {
        Outcome::Response(response) => response,
        other => panic!("{source}: {other:?}"),
    }
}

/// How a program fails, be it before it runs.
pub(crate) async fn fail(source: &str) -> Failure {
    if let Err(Diagnostic { message, script, position }) = host().load(&program(source)).await.expect("the host works")
    {
        return Failure { code: FailureCode::Error, message, status: None, script, position };
    }
    match run(source).await.outcome {
        Outcome::Failure(failure) => failure,
        other => panic!("{source}: {other:?}"),
    }
}

impl InMemory {
    fn entries(&self, asked: impl Fn(&str) -> bool) -> kv::Answer {
        let entries = self.kv.iter().filter(|(key, _)| asked(key));
        kv::Answer::Entries(entries.map(|(key, value)| kv::Entry { key: key.clone(), value: value.clone() }).collect())
    }

    pub(crate) fn messages(&self) -> Vec<&str> {
        self.logs.iter().map(|entry| entry.message.as_str()).collect()
    }
}
