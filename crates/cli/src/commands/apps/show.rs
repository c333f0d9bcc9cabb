//! `pic apps show`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
};
use picloud_shared::names::AppSlug;

/// Show one app
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    slug: AppSlug,
}

pub(crate) async fn run(Args { slug }: Args, context: &mut Context) -> CommandResult {
    let app = context.client()?.app(&slug).await.doing(format!("show the app {slug}"))?;
    context.output.result(&app, super::describe)
}
