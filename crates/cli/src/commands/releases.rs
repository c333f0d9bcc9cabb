//! `pic releases`, and how a release is told.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_shared::api::{ChangeKind, Changes, Release};

/// List the releases of the app that are kept
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let releases = client.releases(&app).await.doing(format!("list the releases of the app {app}"))?;
    context
        .output
        .result(&releases, |releases| output::table(&["RELEASE", "AT", "BY", "CHANGES"], releases.iter().map(row)))
}

fn row(Release { number, changes, brings_back, author, created_at }: &Release) -> Vec<String> {
    let of = |kind, word: &str| {
        let count = changes.scripts.iter().filter(|change| change.change == kind).count();
        (count > 0).then(|| format!("{count} {word}"))
    };
    let kinds = [(ChangeKind::Created, "new"), (ChangeKind::Updated, "changed"), (ChangeKind::Deleted, "deleted")];
    let mut parts: Vec<String> = kinds.into_iter().filter_map(|(kind, word)| of(kind, word)).collect();
    parts.extend(changes.limits.then(|| "limits".to_owned()));
    parts.extend(brings_back.map(|number| format!("back to {number}")));
    vec![
        number.to_string(),
        format::time(*created_at),
        author.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        parts.join(", "),
    ]
}

/// A line for each script that changes; `would` completes "… created".
pub(super) fn told(changes: &Changes, would: &str) -> String {
    let mut told = String::new();
    for change in &changes.scripts {
        let word = match change.change {
            ChangeKind::Created => "created",
            ChangeKind::Updated => "changed",
            ChangeKind::Deleted => "deleted",
        };
        let versions = match (change.before, change.version) {
            (Some(before), Some(version)) => format!(": version {before} → {version}"),
            (None, Some(version)) => format!(": version {version}"),
            _ => String::new(),
        };
        let space = if would.is_empty() { "" } else { " " };
        told.push_str(&format!("  {} {would}{space}{word}{versions}\n", change.script));
    }
    if changes.limits {
        told.push_str(if would.is_empty() { "  limits changed\n" } else { "  limits would be changed\n" });
    }
    told.push_str(&format!("  {} unchanged\n", changes.unchanged));
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_shared::api::ScriptChange;

    #[test]
    fn changes_are_told_line_by_line() {
        let change = |script: &str, change, before, version| ScriptChange {
            script: script.parse().unwrap(),
            change,
            before,
            version,
        };
        let changes = Changes {
            scripts: vec![
                change("a", ChangeKind::Created, None, Some(1)),
                change("b", ChangeKind::Updated, Some(3), Some(4)),
                change("c", ChangeKind::Deleted, Some(1), None),
            ],
            unchanged: 2,
            limits: true,
        };
        let done = "  a created: version 1\n  b changed: version 3 → 4\n  c deleted\n  limits changed\n  2 unchanged\n";
        assert_eq!(told(&changes, ""), done);
        assert!(told(&changes, "would be").starts_with("  a would be created: version 1\n"));
        let release = Release { number: 7, changes, brings_back: Some(3), author: None, created_at: 0 };
        assert_eq!(row(&release)[3], "1 new, 1 changed, 1 deleted, limits, back to 3");
    }
}
