//! `pic apps delete`.

use crate::{
    confirm::confirm,
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::names::AppSlug;

/// Delete an app with its scripts, data and logs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    slug: AppSlug,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(Args { slug, yes }: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    confirm(yes, &format!("Delete the app {slug} with its scripts, data and logs?"))?;
    client.delete_app(&slug).await.doing(format!("delete the app {slug}"))?;
    if context.profile().is_some_and(|profile| profile.app.as_ref() == Some(&slug)) {
        context.use_app(None)?;
    }
    output::note(&format!("deleted the app {slug}"));
    Ok(Exit::Ok)
}
