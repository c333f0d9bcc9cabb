//! `pic login`.

use crate::{
    confirm,
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    password::PasswordArgs,
};
use picloud_client::Client;
use picloud_shared::{api::Login, names::AppSlug};
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
    let server = client.url().clone();
    let app = match context.chosen_before(&server, &username) {
        Some(app) => still_there(&client.with_token(&token)?, app).await,
        None => None,
    };
    context.sign_in(&server, username, token, app)?;
    Ok(Exit::Ok)
}

/// The app, unless the server says that this user has no such one: the data may be others, or the user.
async fn still_there(client: &Client, app: AppSlug) -> Option<AppSlug> {
    let gone = client.app(&app).await.is_err_and(|error| error.status().is_some_and(|status| status == 404));
    (!gone).then_some(app)
}

fn ask_username() -> Result<String, CommandError> {
    if stdin().is_terminal() {
        return confirm::read_line("User name: ");
    }
    Err(CommandError::new(Exit::Usage, "no user is named, and there is no terminal to ask at").hint("give --username"))
}
