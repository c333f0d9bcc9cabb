//! A process that is measured: on a core of its own if asked, ended when dropped, and what the kernel knows of it.

use anyhow::{Context, Result, bail, ensure};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// Killed when dropped; `stop` ends it in order.
pub(crate) struct Measured {
    process: Child,
}

/// A command, on one core alone if asked.
pub(crate) fn on_core(core: Option<usize>, program: &Path) -> Command {
    match core {
        Some(core) => {
            let mut command = Command::new("taskset");
            // It becomes the program, so the process id is the program's.
            command.args(["--cpu-list", &core.to_string()]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

impl Measured {
    /// Returns once the process has written its first line, with that line.
    pub(crate) fn start(command: &mut Command) -> Result<(Self, String)> {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut process = spawned.with_context(|| format!("starting {command:?}"))?;
        let output = process.stdout.take();
        let measured = Self { process };
        let mut line = String::new();
        BufReader::new(output.context("no standard output")?).read_line(&mut line)?;
        ensure!(!line.is_empty(), "{command:?} did not start");
        Ok((measured, line))
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Lets it finish what it has begun.
    pub(crate) fn stop(mut self) -> Result<()> {
        // The shell's own `kill`, since a small machine has no program of that name.
        Command::new("sh").args(["-c", "kill -TERM \"$1\"", "kill", &self.process.id().to_string()]).status()?;
        let status = self.process.wait()?;
        ensure!(status.success(), "the process that was measured ended with {status}");
        Ok(())
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

    /// How often its threads gave up their core or lost it: each wake-up ends with one.
    pub(crate) fn context_switches(&self) -> Result<u64> {
        let mut switches = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let status = fs::read_to_string(task?.path().join("status"))?;
            let counts = status.lines().filter_map(|line| line.split_once("_ctxt_switches:"));
            switches += counts.map(|(_, count)| count.trim().parse::<u64>()).sum::<Result<u64, _>>()?;
        }
        Ok(switches)
    }

    /// Memory that is resident, in MB.
    pub(crate) fn resident_mb(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
        let kib: u32 = size.context("/proc/PID/status names no VmRSS")?.trim().parse()?;
        Ok(f64::from(kib) * 1024.0 / 1e6)
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
