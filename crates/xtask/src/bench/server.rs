//! A PiCloud to measure: a process of its own on free ports, what can be asked of it over HTTP, and what the kernel
//! knows of it.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};
use ureq::Agent;

const PASSWORD: &str = "correct horse battery staple";

/// What the first line of standard output says under `--json-ready`.
#[derive(Deserialize)]
struct Ready {
    manager: String,
    ingress: String,
}

/// Killed when dropped; `stop` ends it in order.
pub(crate) struct Server {
    process: Child,
    at: Ready,
    agent: Agent,
}

impl Server {
    /// Returns when both listeners accept. The first one on a data directory has a user `admin`.
    pub(crate) fn start(program: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("PICLOUD_") || name == "DATABASE_URL" {
                command.env_remove(name);
            }
        }
        let mut process = command
            .args(["--json-ready", "--manager-addr=127.0.0.1:0", "--ingress-addr=127.0.0.1:0", "--data-dir"])
            .arg(data)
            .env("PICLOUD_ADMIN_PASSWORD", PASSWORD)
            .env("PICLOUD_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no standard output")?).read_line(&mut line)?;
        let at = serde_json::from_str(&line).context("PiCloud did not start")?;
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        Ok(Self { process, at, agent })
    }

    /// Lets it finish what it has begun.
    pub(crate) fn stop(mut self) -> Result<()> {
        // The shell's own `kill`, since a small machine has no program of that name.
        Command::new("sh").args(["-c", "kill -TERM \"$1\"", "kill", &self.process.id().to_string()]).status()?;
        let status = self.process.wait()?;
        ensure!(status.success(), "PiCloud ended with {status}");
        Ok(())
    }

    /// What an endpoint answers with 200.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let mut response = self.agent.get(format!("{}{path}", self.at.ingress)).call()?;
        let text = response.body_mut().read_to_string()?;
        ensure!(response.status() == 200, "GET {path}: {} {text}", response.status());
        Ok(text)
    }

    /// A token for the API.
    pub(crate) fn sign_in(&self) -> Result<String> {
        let answer = self.send("POST", "/auth/login", None, json!({"username": "admin", "password": PASSWORD}))?;
        Ok(answer["token"].as_str().context("the answer to a login has no token")?.to_owned())
    }

    /// Makes an app.
    pub(crate) fn create_app(&self, token: &str, slug: &str) -> Result<()> {
        self.send("POST", "/apps", Some(token), json!({"slug": slug, "name": slug})).map(drop)
    }

    /// Uploads a script.
    pub(crate) fn put_script(&self, token: &str, app: &str, name: &str, source: &str) -> Result<()> {
        self.send("PUT", &format!("/apps/{app}/scripts/{name}"), Some(token), json!({"source": source})).map(drop)
    }

    fn send(&self, method: &str, path: &str, token: Option<&str>, body: Value) -> Result<Value> {
        let url = format!("{}/api/v1{path}", self.at.manager);
        let mut request = if method == "PUT" { self.agent.put(url) } else { self.agent.post(url) };
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.send_json(body)?;
        let text = response.body_mut().read_to_string()?;
        ensure!(response.status().is_success(), "{method} {path}: {} {text}", response.status());
        Ok(serde_json::from_str(&text)?)
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

    /// CPU time of all threads, those that ended included, in ticks of the kernel's clock (10 ms as a rule).
    pub(crate) fn cpu_ticks(&self) -> Result<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The second field is the program's name in parentheses, which may hold spaces; utime and stime are the
        // 14th and the 15th (proc_pid_stat(5)).
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        match fields[..] {
            [_, _, _, _, _, _, _, _, _, _, _, user, system, ..] => Ok(user.parse::<u64>()? + system.parse::<u64>()?),
            _ => bail!("/proc/PID/stat is shorter than it was"),
        }
    }

    /// Memory that is resident, in MB.
    pub(crate) fn resident_mb(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
        let kib: u32 = size.context("/proc/PID/status names no VmRSS")?.trim().parse()?;
        Ok(f64::from(kib) * 1024.0 / 1e6)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
