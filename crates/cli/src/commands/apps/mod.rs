//! `pic apps`: the commands, and how an app is shown.

mod cors;
mod create;
mod delete;
mod limits;
mod list;
mod outbound;
mod show;
mod r#use;

use crate::{context::Context, error::CommandResult, format, output};
use clap::Subcommand;
use picloud_shared::api::App;

/// Apps: make, look at, choose, limit, delete
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Create(create::Args),
    Show(show::Args),
    Use(r#use::Args),
    Limits(limits::Args),
    Outbound(outbound::Args),
    Cors(cors::Args),
    Delete(delete::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Create(args) => create::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
        Command::Use(args) => r#use::run(args, context).await,
        Command::Limits(args) => limits::run(args, context).await,
        Command::Outbound(args) => outbound::run(args, context).await,
        Command::Cors(args) => cors::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
    }
}

fn describe(app: &App) -> String {
    output::fields(&[
        ("slug", app.slug.to_string()),
        ("name", app.name.clone()),
        ("role", app.role.as_str().to_owned()),
        ("debug", format::yes(app.debug).to_owned()),
        ("created", format::time(app.created_at)),
        ("id", app.id.to_string()),
    ])
}
