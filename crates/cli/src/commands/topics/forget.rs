//! `pic topics forget`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::ids::DeliveryId;

/// Delete a dead letter
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The dead letter
    id: DeliveryId,
}

pub(crate) async fn run(Args { id }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    client.delete_dead_letter(&app, id).await.doing(format!("delete the dead letter {id} of the app {app}"))?;
    output::note(&format!("deleted the dead letter {id}"));
    Ok(Exit::Ok)
}
