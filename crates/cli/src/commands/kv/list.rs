//! `pic kv list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    output, sanitize,
};

/// List the keys, in the order of their bytes, one a line
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those that begin so
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only those after this one
    #[arg(long, value_name = "KEY")]
    after: Option<String>,
}

pub(crate) async fn run(Args { prefix, limit, after }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let page = client.keys(&app, &prefix, after.as_deref(), Some(limit)).await;
    let page = page.doing(format!("list the keys of the app {app}"))?;
    context.output.page(&page, "--after", |keys| match keys {
        [] => output::NONE.to_owned(),
        keys => keys.iter().map(|key| format!("{}\n", sanitize::line(key))).collect(),
    })
}
