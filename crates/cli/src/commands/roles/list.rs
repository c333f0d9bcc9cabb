//! `pic roles list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    output,
};
use picloud_shared::names::Username;

/// List the app's members, by name, and what each may do
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only those after this one
    #[arg(long, value_name = "USER")]
    after: Option<Username>,
}

pub(crate) async fn run(Args { limit, after }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let after = after.as_ref().map(Username::as_str);
    let page = client.members(&app, after, Some(limit)).await.doing(format!("list the members of the app {app}"))?;
    context.output.page(&page, "--after", |members| {
        let rows = members.iter().map(|member| vec![member.username.to_string(), member.role.as_str().to_owned()]);
        output::table(&["USER", "ROLE"], rows)
    })
}
