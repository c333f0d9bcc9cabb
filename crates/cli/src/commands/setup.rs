//! `pic setup`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    link,
    password::PasswordArgs,
};
use picloud_shared::{api::Setup, names::Username, one_time::OneTimeLink};

/// Make the administrator of a new server, and sign in
///
/// The password has at least 10 characters. It is taken from PIC_PASSWORD, or asked for at a terminal.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The one-time link that the server printed, http://127.0.0.1:7070/setup#token=…
    link: String,
    /// The administrator's name
    #[arg(long, value_name = "NAME", default_value = "admin")]
    username: Username,
    #[command(flatten)]
    password: PasswordArgs,
}

pub(crate) async fn run(args: Args, context: &mut Context) -> CommandResult {
    let link = link::parse(&args.link, OneTimeLink::Setup)?;
    let client = context.anonymous(Some(&link.server))?;
    let password = args.password.new_one()?;
    let setup = Setup { token: link.token, username: args.username.clone(), password };
    let token = client.setup(&setup).await.doing("set up the server")?.token;
    // A server that is only now set up has none of the apps that were chosen at this address before.
    context.sign_in(client.url(), args.username.into(), token, None)?;
    Ok(Exit::Ok)
}
