//! `pic rollback`.

use super::releases::told;
use crate::{
    confirm::confirm,
    context::Context,
    error::{CommandResult, Doing as _},
    format,
};
use picloud_shared::api::{ChangeKind, Deployed, RollBackApp};

/// Make the scripts and limits of the app those that a release left
///
/// Scripts that the release did not have are deleted with their invocations; pic asks before that. Going back is a release of
/// its own. `pic scripts rollback` is for one script.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The release, as `pic releases` lists them; the one before the latest when absent
    #[arg(value_name = "RELEASE")]
    release: Option<i64>,
    /// Only tell what would change
    #[arg(long)]
    dry_run: bool,
    /// Delete scripts without asking
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn run(Args { release, dry_run, yes }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let what = || format!("roll the app {app} back");
    let would = client.roll_back_app(&app, &RollBackApp { release, dry_run: true, state: None }).await.doing(what())?;
    if dry_run {
        return context.output.result(&would, |Deployed { changes, .. }| told(changes, "would be"));
    }
    let gone: Vec<_> =
        would.changes.scripts.iter().filter(|change| change.change == ChangeKind::Deleted).map(|c| &c.script).collect();
    if !gone.is_empty() {
        confirm(yes, &format!("delete {} of the app {app}, with their invocations?", format::list(&gone)))?;
    }
    let go = RollBackApp { release, dry_run: false, state: Some(would.state) };
    let done = client.roll_back_app(&app, &go).await.doing(what())?;
    context.output.result(&done, |Deployed { release, changes, .. }| match release {
        Some(number) => format!("release {number} of the app {app}\n{}", told(changes, "")),
        None => format!("nothing to change: the app {app} is as the release left it\n"),
    })
}
