//! `pic logs --follow`: lines as they are recorded, however often the connection breaks. Ctrl-C ends the process as it ends
//! any other, which shells see as 130.

use super::of_script;
use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    output::{self, Output},
};
use picloud_client::{Client, Error as ClientError, FollowFilter, LogStream};
use picloud_shared::{api::LogEntry, names::AppSlug};
use std::time::Duration;

/// Waits before a broken connection is made again: the first, and the longest of those that follow, each twice as long as
/// the one before.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

pub(super) async fn run(mut filter: FollowFilter, context: &Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let what = format!("follow the log of the app {app}");
    if let Some(script) = &filter.script {
        client.script(&app, script).await.doing(&what)?;
    }
    let mut stream = client.follow_logs(&app, &filter).await.doing(&what)?;
    output::note(&format!("following the log of the app {app}; Ctrl-C ends it"));
    let mut wait = FIRST_WAIT;
    loop {
        let why = loop {
            match stream.next().await {
                Ok(Some(line)) => {
                    wait = FIRST_WAIT;
                    if !shown(&line.entry, context.output)? {
                        return Ok(Exit::Ok);
                    }
                }
                Ok(None) => break "the server has ended the stream".to_owned(),
                Err(error) if passes(&error) => break error.to_string(),
                Err(error) => return Err(error).doing(&what),
            }
        };
        output::note(&format!("{why}; connecting again"));
        filter.after = stream.place().map(str::to_owned).or(filter.after);
        stream = again(&client, &app, &filter, &mut wait).await.doing(&what)?;
        output::note("following again, from where it broke off");
    }
}

/// Connects until it works, or will not.
async fn again(
    client: &Client,
    app: &AppSlug,
    filter: &FollowFilter,
    wait: &mut Duration,
) -> Result<LogStream, ClientError> {
    loop {
        tokio::time::sleep(*wait).await;
        *wait = (*wait * 2).min(LONGEST_WAIT);
        match client.follow_logs(app, filter).await {
            Err(error) if passes(&error) => {}
            connected => return connected,
        }
    }
}

/// Whether it may be otherwise in a while: nobody is there, or somebody who has too much to do or fails. Not so what the
/// server refuses.
fn passes(error: &ClientError) -> bool {
    match error {
        ClientError::Connect { .. } | ClientError::NoAnswer { .. } => true,
        ClientError::Api { status, .. } | ClientError::Decode { status, .. } => {
            status.is_server_error() || status.as_u16() == 429
        }
        ClientError::Url { .. } | ClientError::Token => false,
    }
}

/// Prints a line; whether anybody still reads.
fn shown(entry: &LogEntry, output: Output) -> Result<bool, CommandError> {
    if output.is_json() { output::json_line(entry) } else { output::line(&of_script(entry)) }
}
