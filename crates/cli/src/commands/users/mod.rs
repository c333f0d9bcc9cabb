//! `pic users`, and how a user is shown.

mod delete;
mod list;
mod update;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;
use picloud_shared::api::User;

/// Users of the server, for administrators: see who there is, what each may, and end what they may
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Update(update::Args),
    Delete(delete::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Update(args) => update::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
    }
}

/// What the user may do on the server as a whole.
fn rights(user: &User) -> String {
    let rights = [(user.disabled, "disabled"), (user.admin, "administrator"), (user.create_apps, "makes apps")];
    let rights: Vec<_> = rights.into_iter().filter_map(|(has, name)| has.then_some(name)).collect();
    crate::format::list(&rights)
}
