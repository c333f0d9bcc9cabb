//! `pic apps list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};

/// List the apps that you may see
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let apps = context.client()?.apps().await.doing("list the apps")?;
    context.output.result(&apps, |apps| {
        let rows = apps.iter().map(|app| {
            vec![
                app.slug.to_string(),
                app.name.clone(),
                app.role.as_str().to_owned(),
                format::yes(app.debug).to_owned(),
                format::time(app.created_at),
            ]
        });
        output::table(&["SLUG", "NAME", "ROLE", "DEBUG", "CREATED"], rows)
    })
}
