//! `pic whoami`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};

/// Show who is signed in, and where
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    let me = client.me().await.doing("tell who is signed in")?;
    context.output.result(&me, |me| {
        output::fields(&[
            ("user", me.username.to_string()),
            ("administrator", format::yes(me.admin).to_owned()),
            ("server", client.url().to_string()),
            ("profile", context.profile_name().to_owned()),
            ("app", context.app().map_or_else(|_| "-".to_owned(), |app| app.to_string())),
        ])
    })
}
