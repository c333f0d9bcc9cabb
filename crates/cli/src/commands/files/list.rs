//! `pic files list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_client::FileFilter;

/// List the app's files, by path
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those whose paths begin so
    #[arg(value_name = "PREFIX")]
    prefix: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only those after this one
    #[arg(long, value_name = "PATH")]
    after: Option<String>,
}

pub(crate) async fn run(Args { prefix, limit, after }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let filter = FileFilter { prefix, after, limit: Some(limit) };
    let page = client.files(&app, &filter).await.doing(format!("list the files of the app {app}"))?;
    context.output.page(&page, "--after", |files| {
        let rows = files
            .iter()
            .map(|file| vec![file.path.to_string(), format::bytes(file.size), format::time(file.updated_at)]);
        output::table(&["PATH", "SIZE", "WRITTEN"], rows)
    })
}
