//! `pic apps outbound`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
};
use picloud_shared::{
    api::{App, UpdateApp},
    names::AppSlug,
    outbound::{AllowedHost, AllowedHosts},
};

/// Show or set which servers the scripts of an app may send requests to
///
/// Without a list they may reach every public address; with one, only the hosts in it. Private addresses stay closed,
/// unless an administrator of the server lists one, such as 10.0.0.7, or a name with a port, such as localhost:9000. What
/// is set counts from the next request on.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    slug: AppSlug,
    /// The hosts, in place of those before: api.example.com, *.example.com, 10.0.0.7:9000; without any, nothing changes
    #[arg(value_name = "HOST")]
    hosts: Vec<AllowedHost>,
    /// Empty the list: every public address again
    #[arg(long, conflicts_with = "hosts")]
    public: bool,
}

pub(crate) async fn run(Args { slug, hosts, public }: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    let app = if hosts.is_empty() && !public {
        client.app(&slug).await.doing(format!("show the hosts of the app {slug}"))?
    } else {
        let update = UpdateApp { outbound: Some(hosts.into()), ..UpdateApp::default() };
        client.update_app(&slug, &update).await.doing(format!("set the hosts of the app {slug}"))?
    };
    context.output.result(&app, |app: &App| describe(&app.outbound))
}

fn describe(hosts: &AllowedHosts) -> String {
    if hosts.entries().is_empty() {
        return "every public address\n".to_owned();
    }
    hosts.entries().iter().map(|host| format!("{host}\n")).collect()
}
