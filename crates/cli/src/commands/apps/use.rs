//! `pic apps use`.

use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
};
use picloud_shared::names::AppSlug;

/// Choose the app to work in when none is named
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The app
    slug: AppSlug,
}

pub(crate) async fn run(Args { slug }: Args, context: &mut Context) -> CommandResult {
    let app = context.client()?.app(&slug).await.doing(format!("choose the app {slug}"))?;
    if context.profile().is_none() {
        return Err(CommandError::new(Exit::Usage, "there is no profile to keep the choice in")
            .hint("sign in with `pic login`, or set PIC_APP"));
    }
    context.use_app(Some(slug))?;
    context.output.result(&app, super::describe)
}
