//! A manager over a store of its own, and requests to it.

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use picloud_abi::invocation::{Outcome, Position, Response, Trigger};
use picloud_manager_core::{Manager, ManagerHosts, Process, Settings, SetupToken};
use picloud_shared::{
    executor::{BoxFuture, Cancelled, Executor, ExecutorError, Fault, Faults, Imports, Job, Load, Report, Source},
    ids::AppId,
    limit_rules::LimitRules,
    names::ScriptName,
    proxies::TrustedProxies,
};
use picloud_store::{Database, Store};
use picloud_vault::{Key, Vault};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "correct horse";

/// Who sends all requests, and is believed about for whom.
pub(crate) const PROXY: &str = "192.0.2.1";

pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) manager: Manager,
    pub(crate) setup_token: SetupToken,
    /// The names of the sources that were compiled, and of what was to go.
    pub(crate) compiled: Compiled,
    _directory: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(directory.path().into())).await.unwrap();
        let setup_token = SetupToken::generate().unwrap();
        let settings = Settings {
            vault: Vault::new(Key::generate().unwrap(), None),
            node: "test".into(),
            manager_url: "https://picloud.test".into(),
            manager_hosts: ManagerHosts::from(vec!["picloud.test".parse().unwrap()]),
            trusted_proxies: TrustedProxies::from(vec![PROXY.parse().unwrap()]),
            apps_url: "http://apps.test".into(),
            apps_domain: "apps.example.com".parse().unwrap(),
            limits: LimitRules::default(),
            setup_token: Some(setup_token.clone()),
            process: Process {
                started_at: 1_700_000_000_000,
                data_directory: "/srv/picloud".into(),
                engine: "native".into(),
                delivery_attempts: 5,
                delivery_backoff_ms: 1_000,
            },
        };
        let compiled = Compiled::default();
        let manager = Manager::new(store, Arc::new(Echo(compiled.clone())), Arc::default(), settings);
        Self { router: manager.router(), manager, setup_token, compiled, _directory: directory }
    }

    /// A server with the user `ada`, the app `shop`, and ada's token.
    pub(crate) async fn with_app() -> (Self, String) {
        let server = Self::start().await;
        let body = json!({"token": server.setup_token.reveal(), "username": "ada", "password": PASSWORD});
        let token = server.send("POST", "/api/v1/setup", "", Some(body)).await.json()["token"].clone();
        let token = token.as_str().unwrap().to_owned();
        let made = server.send("POST", "/api/v1/apps", &token, Some(json!({"slug": "shop"}))).await;
        assert_eq!(made.status, 201, "{}", made.text);
        (server, token)
    }

    /// Invites somebody to the server, who accepts; gives the token of their session.
    pub(crate) async fn join(&self, admin: &str, name: &str, rights: Value) -> String {
        let made = self.send("POST", "/api/v1/invitations", admin, Some(rights)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let body = json!({"token": made.json()["token"], "username": name, "password": PASSWORD});
        let joined = self.send("POST", "/api/v1/invitations/accept", "", Some(body)).await;
        assert_eq!(joined.status, 201, "{}", joined.text);
        joined.json()["token"].as_str().unwrap().to_owned()
    }

    /// An API token.
    pub(crate) async fn api_token(&self, session: &str, new: Value) -> String {
        let made = self.send("POST", "/api/v1/auth/tokens", session, Some(new)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["token"].as_str().unwrap().to_owned()
    }

    /// Signs in, from an address.
    pub(crate) async fn login(&self, username: &str, password: &str, from: &str) -> Answer {
        let body = json!({"username": username, "password": password}).to_string();
        let request = Request::post("/api/v1/auth/login")
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-forwarded-for", from)
            .body(Body::from(body));
        self.send_raw(request.unwrap()).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send_raw(request.body(body).unwrap()).await
    }

    pub(crate) async fn send_raw(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(PROXY.parse().unwrap(), 4711)));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
        assert!(parts.headers.contains_key("x-request-id"));
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}: {}", self.status, self.text))
    }

    /// The items of a page.
    pub(crate) fn items(&self) -> Value {
        let page = self.json();
        assert!(page["items"].is_array(), "{}", self.text);
        page["items"].clone()
    }

    /// Asserts that this is an error of the one shape, and gives its status and code.
    pub(crate) fn error(&self) -> (u16, String) {
        let error = self.json()["error"].clone();
        assert_eq!(error["request_id"].as_str(), self.headers["x-request-id"].to_str().ok(), "{}", self.text);
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{}", self.text);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/json");
        (self.status.as_u16(), error["code"].as_str().unwrap().to_owned())
    }
}

/// Stands for the executor: a source with `!` does not compile; a run gives back what it was given.
struct Echo(Compiled);

pub(crate) type Compiled = Arc<Mutex<Vec<String>>>;

impl Executor for Echo {
    fn check(
        &self,
        _: AppId,
        sources: Vec<Source>,
        gone: BTreeSet<ScriptName>,
    ) -> BoxFuture<'_, Result<Result<Vec<Imports>, Faults>, ExecutorError>> {
        let names =
            sources.iter().map(|source| source.name.to_string()).chain(gone.iter().map(|gone| format!("-{gone}")));
        self.0.lock().unwrap().extend(names);
        let checked = sources.into_iter().map(|Source { name, text }| match text.find('!') {
            None => Ok(Imports::new()),
            Some(at) => {
                let position = Some(Position { line: 1, column: u32::try_from(at).unwrap() + 1 });
                Err(Fault { source: name.clone(), script: name, message: "no '!'".into(), position })
            }
        });
        let checked: Result<_, Fault> = checked.collect();
        let checked = checked.map_err(|first| Faults { first, others: Vec::new() });
        Box::pin(async { Ok(checked) })
    }

    fn invoke(&self, job: Job, _: Cancelled) -> BoxFuture<'_, Result<Report, ExecutorError>> {
        Box::pin(async {
            let outcome = match job.trigger {
                Trigger::Http(request) if request.path == "/full" => return Err(ExecutorError::Overloaded),
                Trigger::Http(request) if request.path == "/broken" => {
                    return Err(ExecutorError::Internal("the secret reason".into()));
                }
                Trigger::Http(request) => {
                    Outcome::Response(Response { status: 201, headers: request.headers, body: request.body })
                }
                Trigger::Event(event) => Outcome::Value(event.payload),
            };
            Ok(Report {
                outcome,
                fuel: 7,
                memory_bytes: 65_536,
                duration: Duration::from_micros(9),
                logs: Vec::new(),
                logs_dropped: 0,
                calls: Vec::new(),
                called: Vec::new(),
            })
        })
    }

    fn load(&self) -> Load {
        Load {
            slots: 4,
            slots_free: 3,
            waiting: 0,
            image_hits: 0,
            image_misses: 0,
            instances_kept: 0,
            instances_new: 0,
        }
    }
}
