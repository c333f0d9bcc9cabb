//! `pic schedules run`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
};
use picloud_shared::ids::ScheduleId;

/// Run a schedule now, as if it were due: with retries, and a dead letter if nothing helps
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The schedule, as listed
    id: ScheduleId,
}

pub(crate) async fn run(Args { id }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let run = client.run_schedule(&app, id).await.doing(format!("run the schedule {id} of the app {app}"))?;
    context.output.result(&run, |run| format!("stored as event {}\n", run.delivery))
}
