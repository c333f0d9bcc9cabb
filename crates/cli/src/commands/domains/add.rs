//! `pic domains add`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
};
use picloud_shared::{api::NewDomain, domains::DomainName};

/// Have the app answer at a domain, such as shop.example.com
///
/// The whole path belongs to the app there. The domain has to lead to the server in the DNS, which is not looked at. No
/// two apps of a server have the same.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The domain
    domain: DomainName,
}

pub(crate) async fn run(Args { domain }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let new = NewDomain { domain: domain.clone() };
    let added = client.add_domain(&app, &new).await.doing(format!("add the domain {domain} to the app {app}"))?;
    context.output.result(&added, |added| format!("the app {app} answers at {}\n", added.domain))
}
