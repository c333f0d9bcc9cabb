//! `pic login`.

use crate::{
    confirm,
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    password::PasswordArgs,
};
use picloud_shared::api::Login;
use std::io::{IsTerminal as _, stdin};

/// Sign in to a server
///
/// The password is taken from PIC_PASSWORD, or asked for at a terminal.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server's address; the profile's, or http://127.0.0.1:7070, when absent
    #[arg(value_name = "URL")]
    server: Option<String>,
    /// Who signs in; the profile's user when absent
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    #[command(flatten)]
    password: PasswordArgs,
}

pub(crate) async fn run(args: Args, context: &mut Context) -> CommandResult {
    let client = context.anonymous(args.server.as_deref())?;
    let known = context.profile().filter(|_| args.server.is_none()).map(|profile| profile.username.clone());
    let username = args.username.or(known).map_or_else(ask_username, Ok)?;
    let login = Login { username: username.clone(), password: args.password.existing()? };
    let token = client.login(&login).await.doing("sign in")?.token;
    context.sign_in(client.url(), username, token)?;
    Ok(Exit::Ok)
}

fn ask_username() -> Result<String, CommandError> {
    if stdin().is_terminal() {
        return confirm::read_line("User name: ");
    }
    Err(CommandError::new(Exit::Usage, "no user is named, and there is no terminal to ask at").hint("give --username"))
}
