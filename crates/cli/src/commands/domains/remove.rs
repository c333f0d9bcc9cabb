//! `pic domains remove`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::domains::DomainName;

/// Take a domain from the app: the next request to it is not the app's any more
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The domain
    domain: DomainName,
}

pub(crate) async fn run(Args { domain }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    client.remove_domain(&app, &domain).await.doing(format!("remove the domain {domain} from the app {app}"))?;
    output::note(&format!("removed the domain {domain} from the app {app}"));
    Ok(Exit::Ok)
}
