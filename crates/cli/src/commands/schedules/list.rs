//! `pic schedules list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_shared::api::LastFiring;

/// List the app's schedules, when each comes next, and how it went last
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let schedules = client.schedules(&app).await.doing(format!("list the schedules of the app {app}"))?;
    context.output.result(&schedules, |schedules| {
        let none = || "-".to_owned();
        let rows = schedules.iter().map(|state| {
            let last = state.last.as_ref();
            vec![
                state.id.to_string(),
                state.script.to_string(),
                state.schedule.to_string(),
                state.next.first().map_or_else(none, |&next| format::time(next)),
                last.map_or_else(none, |last| format::time(last.at)),
                last.map_or_else(none, outcome),
            ]
        });
        output::table(&["ID", "SCRIPT", "SCHEDULE", "NEXT", "LAST", "OUTCOME"], rows)
    })
}

fn outcome(last: &LastFiring) -> String {
    last.outcome.clone().unwrap_or_else(|| "not known".to_owned())
}
