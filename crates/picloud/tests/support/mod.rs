//! A real PiCloud for a test.

pub(crate) mod directory;
pub(crate) mod upstream;

use picloud_client::Client;
use picloud_shared::{
    api::{InvocationDetail, Invoke, Login, NewApp, PutScript, Script},
    names::{AppSlug, ScriptName},
};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use std::{
    fs::{self, DirBuilder},
    io::{BufRead, BufReader},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Of the user `admin`.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// Writes each case once and runs it on both databases, under two names.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name($crate::support::Backend::Sqlite).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name($crate::support::Backend::Postgres).await; })*
        }
    };
}
pub(crate) use on_both;

/// A running PiCloud and a client that is signed in as `admin`. Ends with the test.
pub(crate) struct TestApp {
    process: Process,
    /// The API's address, as a URL.
    pub(crate) manager: String,
    /// The apps' address, as a URL.
    pub(crate) ingress: String,
    /// Signed in as `admin`.
    pub(crate) client: Client,
    /// For the apps.
    pub(crate) http: reqwest::Client,
    setup: Setup,
}

/// What outlives a restart.
#[derive(Clone)]
pub(crate) struct Setup {
    directory: Arc<TempDir>,
    database: Option<String>,
    arguments: Vec<String>,
}

impl Setup {
    pub(crate) fn new(backend: Backend) -> Self {
        Self::within(backend, tempfile::tempdir().expect("a temporary directory"))
    }

    /// With its data in a directory.
    pub(crate) fn within(backend: Backend, directory: TempDir) -> Self {
        let database = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(picloud_testkit::postgres::fresh_database()),
        };
        Self { directory: Arc::new(directory), database, arguments: Vec::new() }
    }

    /// With more of the binary's arguments.
    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Another one on the same database.
    pub(crate) fn beside(&self) -> Self {
        assert!(self.database.is_some(), "a data directory serves one process");
        let directory = Arc::new(tempfile::tempdir().expect("a temporary directory"));
        Self { directory, ..self.clone() }
    }

    /// The URL of its PostgreSQL database, if it has one.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The binary, with everything set but the administrator's password.
    pub(crate) fn command(&self) -> Command {
        self.command_by(Command::new(env!("CARGO_BIN_EXE_picloud")))
    }

    /// The same, by a program that runs it.
    pub(crate) fn command_by(&self, mut command: Command) -> Command {
        command
            .env_clear()
            .arg("--json-ready")
            .args(&self.arguments)
            .arg("--data-dir")
            .arg(self.data())
            .current_dir(self.directory.path());
        for (flag, value) in [("--manager-addr", "127.0.0.1:0"), ("--ingress-addr", "127.0.0.1:0"), ("--slots", "32")] {
            if !self.arguments.iter().any(|argument| argument == flag) {
                command.args([flag, value]);
            }
        }
        if let Some(database) = &self.database {
            command.env("DATABASE_URL", database);
        }
        command
    }

    pub(crate) async fn start(self) -> TestApp {
        if !self.data().exists() && self.arguments.is_empty() {
            share_compiled(&self.data());
        }
        let mut process = Process::spawn(self.command().env("PICLOUD_ADMIN_PASSWORD", PASSWORD));
        let (manager, ingress) = wait_until_ready(&mut process);
        let client = sign_in(&manager).await;
        TestApp { process, manager, ingress, client, http: http_client(), setup: self }
    }
}

/// The directory that holds `compiled`, the guest as the first test compiled it: once for all of them, not once for each.
pub(crate) fn compiled_engine() -> PathBuf {
    static FIRST: OnceLock<TempDir> = OnceLock::new();
    let first = FIRST.get_or_init(|| {
        let setup = Setup::new(Backend::Sqlite);
        let mut process = Process::spawn(&mut setup.command());
        wait_until_ready(&mut process);
        end(&mut process);
        Arc::into_inner(setup.directory).expect("nobody else uses it")
    });
    first.path().join("data")
}

fn share_compiled(data: &Path) {
    DirBuilder::new().recursive(true).mode(0o700).create(data.join("compiled")).expect("a directory");
    for entry in fs::read_dir(compiled_engine().join("compiled")).expect("the guest was compiled") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), data.join("compiled").join(entry.file_name())).expect("a copy");
    }
}

/// A running binary, which ends with the test however that ends.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).spawn().expect("picloud starts"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it says, to be taken once.
    pub(crate) fn stdout(&mut self) -> std::process::ChildStdout {
        self.0.stdout.take().expect("stdout is piped")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already where a test has stopped it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The addresses of `--json-ready`.
pub(crate) fn wait_until_ready(Process(process): &mut Process) -> (String, String) {
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("stdout is piped")).read_line(&mut line).expect("stdout is text");
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line:?}"));
    let url = |name: &str| ready[name].as_str().expect("a URL").to_owned();
    assert_eq!(ready["pid"], process.id());
    (url("manager"), url("ingress"))
}

async fn sign_in(manager: &str) -> Client {
    let client = Client::new(manager).expect("a URL");
    let token = client.login(&Login { username: "admin".into(), password: PASSWORD.into() }).await.expect("a token");
    client.with_token(&token.token).expect("a token")
}

/// Follows no redirect and gives up on what hangs.
fn http_client() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.timeout(Duration::from_secs(60)).build().expect("an HTTP client")
}

/// Asks the process to stop, and waits until it has.
pub(crate) fn end(Process(process): &mut Process) -> ExitStatus {
    signal(process, "TERM");
    process.wait().expect("the process ends")
}

fn signal(process: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &process.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
}

impl TestApp {
    pub(crate) async fn start(backend: Backend) -> Self {
        Setup::new(backend).start().await
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Stops in order; says how it ended.
    pub(crate) fn stop(mut self) -> (ExitStatus, Setup) {
        (end(&mut self.process), self.setup.clone())
    }

    /// Ends the process as a power cut would, and starts it again on the same data.
    pub(crate) async fn kill_and_restart(mut self) -> Self {
        self.process.0.kill().expect("it was running");
        self.process.0.wait().expect("the process ends");
        self.setup.clone().start().await
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(mut self) {
        self.process.0.kill().expect("it was running");
        self.process.0.wait().expect("the process ends");
    }

    pub(crate) async fn create_app(&self, slug: &str) -> AppSlug {
        let slug: AppSlug = slug.parse().expect("a slug");
        let app = NewApp { slug: slug.clone(), name: None, debug: true };
        self.client.create_app(&app).await.expect("the app is made");
        slug
    }

    /// Stores a script in an app; a route is `GET /x`, none means the default.
    pub(crate) async fn put(&self, app: &AppSlug, name: &str, source: &str, routes: &[&str]) -> Script {
        let routes = routes.iter().map(|route| route.parse().expect("a route")).collect::<Vec<_>>();
        let script = PutScript {
            source: source.to_owned(),
            routes: (!routes.is_empty()).then_some(routes),
            topics: None,
            schedules: None,
        };
        let stored = self.client.put_script(app, &script_name(name), &script).await;
        stored.unwrap_or_else(|error| panic!("{name} is stored: {error:?}"))
    }

    pub(crate) async fn invoke(&self, app: &AppSlug, name: &str) -> InvocationDetail {
        self.client.invoke(app, &script_name(name), &Invoke::default()).await.expect("it is invoked")
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.ingress)).send().await.expect("an answer")
    }

    /// Status and body of a GET request.
    pub(crate) async fn text(&self, path: &str) -> (u16, String) {
        let response = self.get(path).await;
        (response.status().as_u16(), response.text().await.expect("a body of text"))
    }

    /// A request to the API with the administrator's token and any body.
    pub(crate) async fn api(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let token = self.token().await;
        self.http
            .request(method.parse().expect("a method"), format!("{}/api/v1{path}", self.manager))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .expect("an answer")
    }

    /// A new token of the administrator's.
    pub(crate) async fn token(&self) -> String {
        let login = Login { username: "admin".into(), password: PASSWORD.into() };
        self.client.login(&login).await.expect("a token").token
    }

    /// One number of `GET /metrics`.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let response = self.http.get(format!("{}/metrics", self.manager)).send().await.expect("an answer");
        let text = response.text().await.expect("a body of text");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    /// Queries sent so far.
    pub(crate) async fn queries(&self) -> u64 {
        self.metric("picloud_database_queries_total").await
    }

    /// Waits until the last query was sent; how many it were.
    pub(crate) async fn queries_once_quiet(&self) -> u64 {
        until("the last query", async || {
            let before = self.queries().await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            (self.queries().await == before).then_some(before)
        })
        .await
    }

    /// Waits until the last query was sent, and watches for three seconds that none follows.
    pub(crate) async fn asks_the_database_nothing(&self) {
        let before = self.queries_once_quiet().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(self.queries().await, before, "queries were sent while nothing was due");
    }

    /// Resident memory of the process, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process lives");
        let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("resident memory is told");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") << 10
    }
}

pub(crate) fn script_name(name: &str) -> ScriptName {
    name.parse().expect("a script's name")
}

/// Sends a statement past PiCloud, as another node would.
pub(crate) fn elsewhere(database: &str, statement: &str) {
    let psql = picloud_testkit::postgres::programs().expect("PostgreSQL is installed").join("psql");
    let output = Command::new(psql).args(["--quiet", "--command", statement, database]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The same in whichever database there is.
pub(crate) async fn past(setup: &Setup, statement: &'static str) {
    match setup.database() {
        Some(url) => elsewhere(url, statement),
        None => {
            let file = SqliteConnectOptions::new().filename(setup.data().join("picloud.sqlite3"));
            let mut connection = file.connect().await.expect("it can be opened");
            sqlx::query(statement).execute(&mut connection).await.expect("it is done");
        }
    }
}

/// Asks again until the answer is there, or fails after a minute.
pub(crate) async fn until<T, F: AsyncFnMut() -> Option<T>>(what: &str, mut ask: F) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The error body that every refusal has; panics on any other.
pub(crate) async fn error_of(response: reqwest::Response) -> (u16, String, serde_json::Value) {
    let status = response.status().as_u16();
    let id = response.headers().get("x-request-id").expect("a request id").to_str().unwrap().to_owned();
    let body: serde_json::Value = response.json().await.expect("an error is JSON");
    let error = &body["error"];
    assert_eq!(error["request_id"], id.as_str(), "{body}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    (status, error["code"].as_str().expect("a code").to_owned(), error.clone())
}
