//! A PiCloud to measure: a process of its own on free ports, and what can be asked of it over HTTP.

use super::measured::{Measured, on_core};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{env, path::Path};
use ureq::Agent;

const PASSWORD: &str = "correct horse battery staple";
/// As many items as the API shows on one page.
const PAGE: usize = 200;

/// What the first line of standard output says under `--json-ready`.
#[derive(Deserialize)]
struct Ready {
    manager: String,
    ingress: String,
}

/// How a PiCloud is started.
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    pub(crate) data: &'a Path,
    /// The core that it has to make do with; all when absent.
    pub(crate) core: Option<usize>,
    /// Flags beside those for its place.
    pub(crate) flags: &'a [&'a str],
}

pub(crate) struct Server {
    pub(crate) process: Measured,
    at: Ready,
    agent: Agent,
}

impl Server {
    /// Returns when both listeners accept. The first one on a data directory has a user `admin`.
    pub(crate) fn start(launch: &Launch) -> Result<Self> {
        let mut command = on_core(launch.core, launch.program);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("PICLOUD_") || name == "DATABASE_URL" {
                command.env_remove(name);
            }
        }
        command
            .args(["--json-ready", "--manager-addr=127.0.0.1:0", "--ingress-addr=127.0.0.1:0", "--data-dir"])
            .arg(launch.data)
            .args(launch.flags)
            .env("PICLOUD_ADMIN_PASSWORD", PASSWORD)
            .env("PICLOUD_LOG", "warn");
        let (process, line) = Measured::start(&mut command)?;
        let at = serde_json::from_str(&line).context("PiCloud did not start")?;
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        Ok(Self { process, at, agent })
    }

    /// Lets it finish what it has begun.
    pub(crate) fn stop(self) -> Result<()> {
        self.process.stop()
    }

    /// Where the apps answer.
    pub(crate) fn ingress(&self) -> &str {
        &self.at.ingress
    }

    /// What an endpoint answers with 200.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let mut response = self.agent.get(format!("{}{path}", self.at.ingress)).call()?;
        let text = response.body_mut().read_to_string()?;
        ensure!(response.status() == 200, "GET {path}: {} {text}", response.status());
        Ok(text)
    }

    /// Asks an endpoint that answers 204.
    pub(crate) fn get_empty(&self, path: &str) -> Result<()> {
        let mut response = self.agent.get(format!("{}{path}", self.at.ingress)).call()?;
        let text = response.body_mut().read_to_string()?;
        ensure!(response.status() == 204, "GET {path}: {} {text}", response.status());
        Ok(())
    }

    /// The administrator's way into the API.
    pub(crate) fn sign_in(&self) -> Result<Api> {
        let api = Api { agent: self.agent.clone(), base: format!("{}/api/v1", self.at.manager), token: None };
        let answer = api.send("POST", "/auth/login", json!({"username": "admin", "password": PASSWORD}))?;
        let token = answer["token"].as_str().context("the answer to a login has no token")?;
        Ok(Api { token: Some(format!("Bearer {token}")), ..api })
    }

    /// How often the database was asked since the start.
    pub(crate) fn database_queries(&self) -> Result<u64> {
        // No connection stays open, whose timers would be work for the server.
        let mut response =
            self.agent.get(format!("{}/metrics", self.at.manager)).header("connection", "close").call()?;
        let text = response.body_mut().read_to_string()?;
        let count = text.lines().find_map(|line| line.strip_prefix("picloud_database_queries_total "));
        Ok(count.context("/metrics does not count the database's queries")?.trim().parse()?)
    }
}

/// The API, as one who is signed in sees it.
pub(crate) struct Api {
    agent: Agent,
    base: String,
    token: Option<String>,
}

/// What a script's totals say.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Totals {
    pub(crate) invocations: u64,
    pub(crate) dropped_records: u64,
}

impl Api {
    /// Makes an app.
    pub(crate) fn create_app(&self, slug: &str) -> Result<()> {
        self.send("POST", "/apps", json!({"slug": slug, "name": slug})).map(drop)
    }

    /// Changes what stands in `update`, such as `{"limits": {"concurrency": 10}}`.
    pub(crate) fn update_app(&self, slug: &str, update: Value) -> Result<()> {
        self.send("PATCH", &format!("/apps/{slug}"), update).map(drop)
    }

    /// Uploads a script, with routes of its own or, with none given, at its name.
    pub(crate) fn put_script(&self, app: &str, name: &str, source: &str, routes: &[&str]) -> Result<()> {
        let mut body = json!({"source": source});
        if !routes.is_empty() {
            body["routes"] = routes.into();
        }
        self.send("PUT", &format!("/apps/{app}/scripts/{name}"), body).map(drop)
    }

    /// Uploads a script with what starts it, such as `{"topics": ["orders"]}`.
    pub(crate) fn put_triggered(&self, app: &str, name: &str, source: &str, mut triggers: Value) -> Result<()> {
        triggers["source"] = source.into();
        self.send("PUT", &format!("/apps/{app}/scripts/{name}"), triggers).map(drop)
    }

    /// Publishes an event.
    pub(crate) fn publish(&self, app: &str, topic: &str, payload: Value) -> Result<()> {
        self.send("POST", &format!("/apps/{app}/topics/{topic}"), json!({"payload": payload})).map(drop)
    }

    /// Deliveries of topics that wait or run.
    pub(crate) fn waiting(&self, app: &str) -> Result<u64> {
        let topics = self.read(&format!("/apps/{app}/topics?limit={PAGE}"))?;
        Ok(topics["items"]
            .as_array()
            .context("no list of topics")?
            .iter()
            .filter_map(|topic| topic["waiting"].as_u64())
            .sum())
    }

    /// What was counted of a script, those invocations included whose records were dropped.
    pub(crate) fn totals(&self, app: &str, name: &str) -> Result<Totals> {
        let mut script = self.read(&format!("/apps/{app}/scripts/{name}"))?;
        Ok(serde_json::from_value(script["totals"].take())?)
    }

    /// The invocations of an app that are in the database, counted one by one.
    pub(crate) fn count_invocations(&self, app: &str) -> Result<u64> {
        let (mut count, mut before) = (0, String::new());
        loop {
            let page = self.read(&format!("/apps/{app}/invocations?limit={PAGE}{before}"))?;
            count += page["items"].as_array().context("a page has no items")?.len() as u64;
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => return Ok(count),
            }
        }
    }

    /// What stands below a path of the API.
    pub(crate) fn read(&self, path: &str) -> Result<Value> {
        let mut request = self.agent.get(self.url(path));
        if let Some(token) = &self.token {
            request = request.header("authorization", token);
        }
        let mut response = request.call()?;
        let text = response.body_mut().read_to_string()?;
        ensure!(response.status().is_success(), "GET {path}: {} {text}", response.status());
        Ok(serde_json::from_str(&text)?)
    }

    fn send(&self, method: &str, path: &str, body: Value) -> Result<Value> {
        let url = self.url(path);
        let mut request = match method {
            "PUT" => self.agent.put(url),
            "PATCH" => self.agent.patch(url),
            _ => self.agent.post(url),
        };
        if let Some(token) = &self.token {
            request = request.header("authorization", token);
        }
        let mut response = request.send_json(body)?;
        let text = response.body_mut().read_to_string()?;
        ensure!(response.status().is_success(), "{method} {path}: {} {text}", response.status());
        Ok(serde_json::from_str(&text)?)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}
