//! What `picloud dev` says: what was reloaded, what is wrong, and what came of each invocation.

use super::live::{Reloaded, Sources};
use crate::{check::counted, watched::Ran};
use picloud_abi::log::Level;
use picloud_shared::{
    api::{ChangeKind, Changes, Diagnostic},
    executor::{LogLine, Report},
    names::ScriptName,
    outcome,
};
use picloud_terminal::{format, sanitize};
use std::{
    fmt::Write as _,
    io::{IsTerminal, Write as _, stdout},
    time::Duration,
};

/// Most names that one line has.
const NAMES: usize = 5;

/// Where it is said. Each call says one piece, which nothing comes between.
#[derive(Clone)]
pub(crate) struct Console {
    colour: bool,
}

#[derive(Clone, Copy)]
enum Colour {
    Red,
    Green,
    Yellow,
    Dim,
}

impl Console {
    /// In colour on a terminal, unless that is not wanted.
    pub(crate) fn new(colour_allowed: bool) -> Self {
        Self { colour: colour_allowed && stdout().is_terminal() }
    }

    /// Says some lines.
    pub(crate) fn say(&self, text: &str) {
        // Whoever has closed it does not want to know.
        let _ = writeln!(stdout().lock(), "{text}");
    }

    fn paint(&self, text: &str, colour: Colour) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Dim => 2,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// What a look at the directory found; nothing where that is what was known.
    pub(crate) fn reloaded(&self, Reloaded { changes, problems, stale, failed }: &Reloaded, took: Duration) {
        let mut text = String::new();
        if let Some(changes) = changes {
            let _ = writeln!(text, "{} {} ({})", self.paint("reload", Colour::Green), told(changes), time(took));
        }
        for (problem, excerpt) in problems.iter().flatten() {
            let _ = writeln!(text, "{}  {}", self.paint("error", Colour::Red), sanitize::line(&problem.to_string()));
            if let Some(excerpt) = excerpt {
                let _ = writeln!(text, "{excerpt}");
            }
        }
        if let Some(failed) = failed {
            let failed = sanitize::line(failed);
            let _ = writeln!(text, "{}  nothing could be reloaded: {failed}", self.paint("error", Colour::Red));
            let _ = writeln!(text, "       what was live goes on; it is tried again");
        }
        match problems {
            Some(problems) if problems.is_empty() => {
                let _ = writeln!(text, "{}  nothing is wrong any more", self.paint("fixed", Colour::Green));
            }
            Some(_) if !stale.is_empty() => {
                let _ = writeln!(text, "       not as in the directory, but as before: {}", names(stale));
            }
            _ => {}
        }
        if !text.is_empty() {
            self.say(text.trim_end());
        }
    }

    /// What came of an invocation, with what it logged.
    pub(crate) fn ran(&self, Ran { script, cause, fuel_limit, report, .. }: &Ran, sources: &Sources) {
        let (status, word) = (outcome::status(&report.outcome), outcome::word(&report.outcome));
        let colour = if status < 400 { Colour::Green } else { Colour::Red };
        let result = self.paint(&format!("{status} {word}"), colour);
        let cost = format!("{}, fuel {}", micros(report), fuel(report.fuel, *fuel_limit));
        let mut text = format!("{} {result} {script} {}\n", sanitize::line(cause), self.paint(&cost, Colour::Dim));
        for line in &report.logs {
            let _ = writeln!(text, "{}", self.log_line(line, None));
        }
        for called in &report.called {
            for line in &called.report.logs {
                let _ = writeln!(text, "{}", self.log_line(line, Some("called")));
            }
        }
        if report.logs_dropped > 0 {
            let _ = writeln!(text, "  ({} more lines were not kept)", report.logs_dropped);
        }
        if let Some(error) = outcome::error(&report.outcome).filter(|_| word != "thrown") {
            let Diagnostic { script: elsewhere, line, column, .. } = &error;
            let (file, excerpt) = sources.at(elsewhere.as_ref().unwrap_or(script), *line, *column);
            let _ = writeln!(text, "  {}", self.paint(&format!("{file}{}", place(*line, *column)), Colour::Red));
            if let Some(excerpt) = excerpt {
                let _ = writeln!(text, "{excerpt}");
            }
        }
        self.say(text.trim_end());
    }

    /// A request that reached no script.
    pub(crate) fn refused(&self, request: &str, status: u16) {
        let status = self.paint(&status.to_string(), if status < 400 { Colour::Green } else { Colour::Yellow });
        self.say(&format!("{} {status} {}", sanitize::line(request), self.paint("no script ran", Colour::Dim)));
    }

    fn log_line(&self, LogLine { level, message, fields, .. }: &LogLine, origin: Option<&str>) -> String {
        let (name, colour) = match level {
            Level::Debug => ("debug", Colour::Dim),
            Level::Info => ("info", Colour::Dim),
            Level::Warn => ("warn", Colour::Yellow),
            Level::Error => ("error", Colour::Red),
        };
        let name = self.paint(&format!("{name:<5}"), colour);
        let fields = fields.as_ref().map(|fields| format!(" {fields}")).unwrap_or_default();
        let origin = origin.map(|origin| format!("{origin}: ")).unwrap_or_default();
        format!("  {name} {}", sanitize::line(&format!("{origin}{message}{fields}")))
    }
}

/// `1 new (greet), 1 deleted (hello), 16 unchanged`.
fn told(Changes { scripts, unchanged, limits }: &Changes) -> String {
    let of = |kind, what: &str| {
        let some: Vec<ScriptName> =
            scripts.iter().filter(|change| change.change == kind).map(|change| change.script.clone()).collect();
        (!some.is_empty()).then(|| format!("{} {what} ({})", some.len(), names(&some)))
    };
    let kinds = [(ChangeKind::Created, "new"), (ChangeKind::Updated, "changed"), (ChangeKind::Deleted, "deleted")];
    let mut parts: Vec<String> = kinds.into_iter().filter_map(|(kind, what)| of(kind, what)).collect();
    parts.extend(limits.then(|| "limits changed".to_owned()));
    parts.push(format!("{unchanged} unchanged"));
    parts.join(", ")
}

fn names(names: &[ScriptName]) -> String {
    let mut text = format::list(&names[..names.len().min(NAMES)]);
    if names.len() > NAMES {
        let _ = write!(text, " and {}", counted(names.len() - NAMES, "other"));
    }
    text
}

fn time(duration: Duration) -> String {
    format::duration(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

fn micros(report: &Report) -> String {
    time(report.duration)
}

/// Fuel, and its share of what there may be.
pub(crate) fn fuel(burnt: u64, limit: u64) -> String {
    format::fuel(i64::try_from(burnt).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX))
}

fn place(line: Option<u32>, column: Option<u32>) -> String {
    [line, column].into_iter().flatten().map(|number| format!(":{number}")).collect()
}
