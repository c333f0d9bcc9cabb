//! `pic apps create`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    output,
};
use picloud_shared::{api::NewApp, names::AppSlug};

/// Make an app
///
/// The first one becomes the app that other commands work in when none is named.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its short name: lower-case letters, digits and hyphens
    slug: AppSlug,
    /// Its name for people; the slug when absent
    #[arg(long)]
    name: Option<String>,
    /// Let error answers of its endpoints tell the detail
    #[arg(long)]
    debug: bool,
}

pub(crate) async fn run(Args { slug, name, debug }: Args, context: &mut Context) -> CommandResult {
    let new = NewApp { slug: slug.clone(), name, debug };
    let app = context.client()?.create_app(&new).await.doing(format!("make the app {slug}"))?;
    if context.profile().is_some_and(|profile| profile.app.is_none()) {
        context.use_app(Some(slug.clone()))?;
        output::note(&format!("commands now work in the app {slug} unless --app names another"));
    }
    context.output.result(&app, super::describe)
}
