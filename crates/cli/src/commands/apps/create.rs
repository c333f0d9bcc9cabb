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
    if context.app().is_err() {
        context.use_app(Some(slug.clone()))?;
    }
    output::note(&match context.app() {
        Ok(current) if current == slug => format!("commands now work in the app {slug} unless --app names another"),
        Ok(current) => format!("commands still work in the app {current}; `pic apps use {slug}` switches"),
        Err(_) => format!("no app is chosen to work in: give --app {slug}, or set PIC_APP"),
    });
    context.output.result(&app, super::describe)
}
