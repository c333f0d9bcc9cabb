//! What commands that people watch say of scripts: in colour on a terminal, one piece after the other.

use crate::{check::counted, sources::Sources, watched::Ran};
use picloud_abi::log::Level;
use picloud_shared::{
    api::Diagnostic,
    executor::{LogLine, Report},
    names::ScriptName,
    outbound::{NOT_LISTED, NOT_PUBLIC},
    outcome, place,
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

/// What stands out.
#[derive(Clone, Copy)]
pub(crate) enum Colour {
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

    pub(crate) fn paint(&self, text: &str, colour: Colour) -> String {
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

    /// What came of an invocation, with what it logged.
    pub(crate) fn ran(&self, Ran { script, cause, fuel_limit, report, .. }: &Ran, sources: &Sources) -> String {
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
            let _ = writeln!(
                text,
                "  {}",
                self.paint(&format!("{file}{}", place::behind_name(*line, *column)), Colour::Red)
            );
            if let Some(excerpt) = excerpt {
                let _ = writeln!(text, "{excerpt}");
            }
            if [NOT_LISTED, NOT_PUBLIC].iter().any(|why| error.message.contains(why)) {
                let _ = writeln!(text, "  hint: --outbound HOST opens it here, `pic apps outbound` on a server");
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// A request that reached no script.
    pub(crate) fn refused(&self, request: &str, status: u16) -> String {
        let status = self.paint(&status.to_string(), if status < 400 { Colour::Green } else { Colour::Yellow });
        format!("{} {status} {}", sanitize::line(request), self.paint("no script ran", Colour::Dim))
    }

    pub(crate) fn log_line(&self, LogLine { level, message, fields, .. }: &LogLine, origin: Option<&str>) -> String {
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

/// The first of them, and how many more.
pub(crate) fn names(names: &[ScriptName]) -> String {
    let mut text = format::list(&names[..names.len().min(NAMES)]);
    if names.len() > NAMES {
        let _ = write!(text, " and {}", counted(names.len() - NAMES, "other"));
    }
    text
}

/// In the unit that fits.
pub(crate) fn time(duration: Duration) -> String {
    format::duration(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

fn micros(report: &Report) -> String {
    time(report.duration)
}

/// Fuel, and its share of what there may be.
pub(crate) fn fuel(burnt: u64, limit: u64) -> String {
    format::fuel(i64::try_from(burnt).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX))
}
